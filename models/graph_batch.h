#pragma once

#include <vector>

#include "engine/ops.h"
#include "models/config.h"
#include "models/graph_observation.h"

namespace frost {

/// Several colonies as device tensors. Token rows are [graph tokens; nodes of graph 0; of 1; ...].
struct GraphBatch {
  std::int64_t graphs = 0, nodes = 0;
  Tensor node_features;   ///< [nodes, 11], or 12 with marks
  Tensor graph_features;  ///< [graphs, 19]
  Tensor edge_features;   ///< [edges, 3], in the order of `index`; zeros for token edges
  EdgeIndex index;        ///< over graphs + nodes rows
  Tensor offsets;         ///< int32 [graphs + 1], nodes of each graph
  Tensor graph_of_node;   ///< int32 [nodes]
  Tensor action_mask;     ///< uint8 [2 * nodes]
};

/// Batches observations, shifting node edges behind the token rows and adding token edges as the
/// configuration says (docs/durotaxis.md, "Encoder"). Throws Error for a colony without nodes
/// and for colonies of different node widths.
GraphBatch make_graph_batch(Backend& backend,
                            const std::vector<const GraphObservation*>& observations,
                            EncoderConfig::TokenConnectivity connectivity);

}  // namespace frost
