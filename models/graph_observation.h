#pragma once

#include <cstdint>
#include <vector>

namespace frost {

/// What the agent sees of a colony: one ragged record (docs/durotaxis.md, "Observation").
struct GraphObservation {
  static constexpr int kNodeFeatures = 11, kGraphFeatures = 19, kEdgeFeatures = 3;

  int node_width = kNodeFeatures;         ///< one more where marks are observed
  std::vector<float> node_features;       ///< [N, node_width]
  std::vector<float> graph_features;      ///< [19]
  std::vector<float> edge_features;       ///< [E, 3]
  std::vector<std::int32_t> edge_source;  ///< [E] node index
  std::vector<std::int32_t> edge_target;  ///< [E] node index
  std::vector<std::uint8_t> action_mask;  ///< [N, 2], 1 = allowed: spawn, delete

  int num_nodes() const { return static_cast<int>(node_features.size()) / node_width; }
  int num_edges() const { return static_cast<int>(edge_source.size()); }
};

}  // namespace frost
