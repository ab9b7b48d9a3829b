#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace frost {

/// A directed graph with features of nodes, of edges and of the whole: one ragged record of N nodes
/// and E edges.
struct GraphObservation {
  int node_width = 1;
  std::vector<float> node_features;       ///< [N, node_width]
  std::vector<float> graph_features;      ///< [width]
  std::vector<float> edge_features;       ///< [E, width]
  std::vector<std::int32_t> edge_source;  ///< [E] node index
  std::vector<std::int32_t> edge_target;  ///< [E] node index
  std::vector<std::uint8_t> action_mask;  ///< [N, choices], 1 = allowed

  int num_nodes() const { return static_cast<int>(node_features.size()) / node_width; }
  int num_edges() const { return static_cast<int>(edge_source.size()); }
};

/// A picture or the last few of them, and what an environment tells beside it.
struct PictureObservation {
  std::vector<std::uint8_t> pixels;  ///< [frames, height, width, channels], 0 to 255, newest last
  std::vector<float> values;         ///< [values]; empty where there are none
};

/// A fixed number of features.
struct VectorObservation {
  std::vector<float> values;
};

/// What a policy is given of one state.
using Observation = std::variant<GraphObservation, PictureObservation, VectorObservation>;

}  // namespace frost
