#pragma once

#include <vector>

#include "engine/ops.h"
#include "models/observation.h"
#include "models/policies/actor_critic_config.h"

namespace frost {

/// Whether rows and edges are added that belong to no state, so that few shapes occur.
enum class BatchPadding { kNone, kBuckets };

/// `n` rounded up to one of eight sizes between powers of two (a multiple of 8 below 128).
std::int64_t bucket_size(std::int64_t n);

/// What the batches of a device are padded to without being asked: to buckets where it prefers few
/// shapes, else not at all.
BatchPadding preferred_padding(const Backend& backend);

/// `n` images with padding, a multiple of 8 up to 64, of 32 up to 512, and then one of eight sizes
/// between powers of two: few shapes mean few kernels to prepare.
std::int64_t padded_images(std::int64_t n);

/// Several graphs as device tensors. Token rows are [graph tokens; nodes of graph 0; of 1; ...;
/// padding].
struct GraphBatch {
  std::int64_t graphs = 0;
  std::int64_t nodes = 0;  ///< with padding
  Tensor node_features;    ///< [nodes, width]
  Tensor graph_features;   ///< [graphs, width]
  Tensor edge_features;    ///< [edges, width], in the order of `index`; zeros for token edges
  EdgeIndex index;         ///< over graphs + nodes rows
  Tensor offsets;          ///< int32 [graphs + 1], nodes of each graph, without padding
  Tensor graph_of_node;    ///< int32 [nodes]
  Tensor action_mask;      ///< uint8 [choices * nodes]
};

/// Batches observations, shifting node edges behind the token rows and adding token edges as
/// `encoder.token_connectivity` says (docs/networks.md, "Encoder"). Padding nodes, at least one,
/// are zeros whose edges join them to themselves alone: nothing of them reaches a state. Throws
/// Error for a graph without nodes and for features of other widths than the encoder's.
GraphBatch make_graph_batch(Backend& backend,
                            const std::vector<const GraphObservation*>& observations,
                            const EncoderConfig& encoder,
                            BatchPadding padding = BatchPadding::kNone);

}  // namespace frost
