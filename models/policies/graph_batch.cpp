#include "models/policies/graph_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "kernels/errors.h"
#include "kernels/round_up.h"

namespace frost {
namespace {

/// Edges of all graphs in token rows, with their features; token edges carry zeros, which the edge
/// MLP turns into one learned constant.
struct EdgeList {
  std::size_t width;  ///< of an edge's features
  std::vector<std::int32_t> source = {}, target = {};
  std::vector<float> features = {};

  void add(std::int32_t from, std::int32_t to, const float* feature) {
    source.push_back(from);
    target.push_back(to);
    if (feature == nullptr) {
      features.insert(features.end(), width, 0.0f);
    } else {
      features.insert(features.end(), feature, feature + width);
    }
  }

  /// [edges, width], edge number order[i] at place i.
  std::vector<float> features_in(const std::vector<std::int32_t>& order) const {
    std::vector<float> sorted(features.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t c = 0; c < width; ++c) {
        sorted[i * width + c] = features[static_cast<std::size_t>(order[i]) * width + c];
      }
    }
    return sorted;
  }
};

void add_graph_edges(const GraphObservation& o, std::int32_t token, std::int32_t first_row,
                     EncoderConfig::TokenConnectivity connectivity, EdgeList& edges) {
  using Connectivity = EncoderConfig::TokenConnectivity;
  for (std::size_t e = 0; e < o.edge_source.size(); ++e) {
    edges.add(first_row + o.edge_source[e], first_row + o.edge_target[e],
              o.edge_features.data() + e * edges.width);
  }
  if (connectivity == Connectivity::kNone) return;
  for (std::int32_t node = first_row; node < first_row + o.num_nodes(); ++node) {
    edges.add(node, token, nullptr);
    if (connectivity == Connectivity::kBoth) edges.add(token, node, nullptr);
  }
}

/// Edges of padding rows to themselves, spread over all of them.
void pad_edges(std::int32_t first_row, std::int32_t end_row, EdgeList& edges) {
  const auto wanted =
      static_cast<std::size_t>(bucket_size(static_cast<std::int64_t>(edges.source.size())));
  for (std::int32_t row = first_row; edges.source.size() < wanted;) {
    edges.add(row, row, nullptr);
    if (++row == end_row) row = first_row;
  }
}

/// An eighth of the largest power of two that is not above `n`.
std::int64_t eighth_of_power(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(n))) / 8;
}

void require_widths(const GraphObservation& o, const EncoderConfig& encoder) {
  if (o.num_nodes() == 0) fail("graph_batch", "a graph without nodes has nothing to decide");
  const auto require = [](const char* what, std::size_t found, std::size_t expected) {
    if (found == expected) return;
    fail("graph_batch",
         fmt::format("{} features of {} for an encoder that reads {}", found, what, expected));
  };
  const auto edges = static_cast<std::size_t>(o.num_edges());
  require("a node", static_cast<std::size_t>(o.node_width),
          static_cast<std::size_t>(encoder.node_features));
  require("a graph", o.graph_features.size(), static_cast<std::size_t>(encoder.graph_features));
  require("all edges", o.edge_features.size(),
          edges * static_cast<std::size_t>(encoder.edge_features));
}

}  // namespace

std::int64_t bucket_size(std::int64_t n) {
  return round_up(n, std::max<std::int64_t>(8, eighth_of_power(n)));
}

BatchPadding preferred_padding(const Backend& backend) {
  return backend.prefers_few_shapes() ? BatchPadding::kBuckets : BatchPadding::kNone;
}

std::int64_t padded_images(std::int64_t n) {
  return round_up(n, n <= 64 ? 8 : std::max<std::int64_t>(32, eighth_of_power(n)));
}

GraphBatch make_graph_batch(Backend& backend,
                            const std::vector<const GraphObservation*>& observations,
                            const EncoderConfig& encoder, BatchPadding padding) {
  const auto graphs = static_cast<std::int32_t>(observations.size());
  std::vector<float> nodes, graph_rows;
  std::vector<std::int32_t> offsets{0}, graph_of_node;
  std::vector<std::uint8_t> mask;
  EdgeList edges{static_cast<std::size_t>(encoder.edge_features)};
  for (std::int32_t g = 0; g < graphs; ++g) {
    const GraphObservation& o = *observations[static_cast<std::size_t>(g)];
    require_widths(o, encoder);
    add_graph_edges(o, g, graphs + offsets.back(), encoder.token_connectivity, edges);
    nodes.insert(nodes.end(), o.node_features.begin(), o.node_features.end());
    graph_rows.insert(graph_rows.end(), o.graph_features.begin(), o.graph_features.end());
    mask.insert(mask.end(), o.action_mask.begin(), o.action_mask.end());
    graph_of_node.insert(graph_of_node.end(), static_cast<std::size_t>(o.num_nodes()), g);
    offsets.push_back(offsets.back() + o.num_nodes());
  }
  GraphBatch batch;
  batch.graphs = graphs;
  batch.nodes = offsets.back();
  if (padding == BatchPadding::kBuckets) {
    const std::int32_t first_row = graphs + offsets.back();
    batch.nodes = bucket_size(batch.nodes + 1);
    const auto rows = static_cast<std::size_t>(batch.nodes);
    nodes.resize(rows * static_cast<std::size_t>(encoder.node_features));
    graph_of_node.resize(rows);
    mask.resize(rows * mask.size() / static_cast<std::size_t>(offsets.back()), 1);
    pad_edges(first_row, graphs + static_cast<std::int32_t>(batch.nodes), edges);
  }
  std::vector<std::int32_t> order;
  batch.index =
      build_edge_index(backend, batch.graphs + batch.nodes, edges.source, edges.target, order);
  batch.node_features = Tensor::from_host(backend, {batch.nodes, encoder.node_features}, nodes);
  batch.graph_features =
      Tensor::from_host(backend, {batch.graphs, encoder.graph_features}, graph_rows);
  batch.edge_features = Tensor::from_host(backend, {batch.index.edges, encoder.edge_features},
                                          edges.features_in(order));
  batch.offsets = Tensor::from_host(backend, std::span<const std::int32_t>(offsets));
  batch.graph_of_node = Tensor::from_host(backend, std::span<const std::int32_t>(graph_of_node));
  batch.action_mask = Tensor::from_host(backend, std::span<const std::uint8_t>(mask));
  return batch;
}

}  // namespace frost
