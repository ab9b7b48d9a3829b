#pragma once

#include <vector>

#include "engine/ops.h"
#include "models/config.h"
#include "models/graph_observation.h"

namespace frost {

/// Whether rows and edges are added that belong to no state, so that few shapes occur.
enum class BatchPadding { kNone, kBuckets };

/// `n` rounded up to one of eight sizes between powers of two (a multiple of 8 below 128).
std::int64_t bucket_size(std::int64_t n);

/// Several colonies as device tensors. Token rows are [graph tokens; nodes of graph 0; of 1; ...;
/// padding].
struct GraphBatch {
  std::int64_t graphs = 0;
  std::int64_t nodes = 0;  ///< with padding
  Tensor node_features;    ///< [nodes, 11], or 12 with marks
  Tensor graph_features;   ///< [graphs, 19]
  Tensor edge_features;    ///< [edges, 3], in the order of `index`; zeros for token edges
  EdgeIndex index;         ///< over graphs + nodes rows
  Tensor offsets;          ///< int32 [graphs + 1], nodes of each graph, without padding
  Tensor graph_of_node;    ///< int32 [nodes]
  Tensor action_mask;      ///< uint8 [2 * nodes]
};

/// Batches observations, shifting node edges behind the token rows and adding token edges as the
/// configuration says (docs/durotaxis.md, "Encoder"). Padding nodes, at least one, are zeros
/// whose edges join them to themselves alone: nothing of them reaches a state. Throws Error for a
/// colony without nodes and for colonies of different node widths.
GraphBatch make_graph_batch(Backend& backend,
                            const std::vector<const GraphObservation*>& observations,
                            EncoderConfig::TokenConnectivity connectivity,
                            BatchPadding padding = BatchPadding::kNone);

}  // namespace frost
