#include "models/graph_transformer.h"

#include <algorithm>
#include <cmath>

namespace frost {

GraphAttentionLayer::GraphAttentionLayer(Backend& backend, std::int64_t in, std::int64_t out,
                                         std::int64_t edge_dim, std::int64_t heads)
    : query(backend, in, out),
      key(backend, in, out),
      value(backend, in, out),
      edge(backend, edge_dim, out, false),
      skip(backend, in, out),
      heads_(heads) {
  register_module("query", query);
  register_module("key", key);
  register_module("value", value);
  register_module("edge", edge);
  register_module("skip", skip);
}

Tensor GraphAttentionLayer::operator()(const EdgeIndex& index, const Tensor& x,
                                       const Tensor& edge_embedding) const {
  const Tensor message =
      graph_attention(index, heads_, query(x), key(x), value(x), edge(edge_embedding));
  return add(message, skip(x));
}

void GraphAttentionLayer::initialize(RandomStream& random) {
  for (NamedTensor& p : parameters()) {
    // A projection's bias follows its weight and shares its fan-in.
    const bool reads_edges = p.name.starts_with("edge");
    const std::int64_t fan_in = reads_edges ? edge.weight.dim(1) : query.weight.dim(1);
    fill_uniform(p.tensor, 1.0 / std::sqrt(static_cast<double>(fan_in)), random);
  }
}

FeatureMlp::FeatureMlp(Backend& backend, std::int64_t in, std::int64_t hidden)
    : first(backend, in, hidden), norm(backend, hidden), second(backend, hidden, hidden) {
  register_module("0", first);
  register_module("2", norm);
  register_module("3", second);
}

GraphTransformer::GraphTransformer(Backend& backend, const EncoderConfig& config)
    : config_(config),
      graph_mlp_(backend, config.graph_features, config.hidden_dim),
      node_projection_(backend, config.node_features, config.hidden_dim),
      edge_mlp_(backend, config.edge_features, config.hidden_dim) {
  register_module("graph_mlp", graph_mlp_);
  register_module("node_projection", node_projection_);
  register_module("edge_mlp", edge_mlp_);
  const int depth = std::max(2, config.num_layers);
  for (int l = 0; l < depth; ++l) {
    const std::int64_t out = l + 1 == depth ? config.out_dim : config.hidden_dim;
    layers_.push_back(std::make_unique<GraphAttentionLayer>(backend, config.hidden_dim, out,
                                                            config.hidden_dim, config.num_heads));
    norms_.push_back(std::make_unique<LayerNorm>(backend, out));
    register_module("layers." + std::to_string(l), *layers_.back());
    register_module("norms." + std::to_string(l), *norms_.back());
  }
}

Tensor GraphTransformer::forward(const GraphBatch& batch) const {
  Tensor x = concat_rows({graph_mlp_(batch.graph_features), node_projection_(batch.node_features)});
  const Tensor edges = edge_mlp_(batch.edge_features);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Tensor y = (*layers_[l])(batch.index, x, edges);
    if (y.shape() == x.shape()) y = add(y, x);
    y = (*norms_[l])(y);
    x = l + 1 < layers_.size() ? gelu(y) : y;
  }
  if (!config_.simplicial) return x;
  std::int64_t groups = std::min<std::int64_t>(config_.simplicial_groups, config_.out_dim);
  while (config_.out_dim % groups != 0) --groups;
  return grouped_softmax(x, groups, config_.simplicial_temperature);
}

void GraphTransformer::initialize(RandomStream& random) {
  for (FeatureMlp* mlp : {&graph_mlp_, &edge_mlp_}) {
    initialize_linear(mlp->first, random);
    initialize_linear(mlp->second, random);
  }
  initialize_linear(node_projection_, random);
  for (const auto& layer : layers_) layer->initialize(random);
}

}  // namespace frost
