#pragma once

#include <memory>
#include <vector>

#include "engine/layers/layers.h"
#include "models/policies/graph_batch.h"

namespace frost {

/// One attention layer over edges, TransformerConv's formulas (Shi et al. 2021): see
/// docs/networks.md, "Encoder".
class GraphAttentionLayer : public Module {
 public:
  GraphAttentionLayer(Backend& backend, std::int64_t in, std::int64_t out, std::int64_t edge_dim,
                      std::int64_t heads);

  /// x [rows, in], edge [edges, edge_dim] -> [rows, out].
  Tensor operator()(const EdgeIndex& index, const Tensor& x, const Tensor& edge) const;
  /// U(-1/sqrt(in), 1/sqrt(in)) for weights and biases.
  void initialize(RandomStream& random);

  Linear query, key, value, edge, skip;

 private:
  std::int64_t heads_;
};

/// Linear -> GELU -> LayerNorm -> Linear.
class FeatureMlp : public Module {
 public:
  FeatureMlp(Backend& backend, std::int64_t in, std::int64_t hidden);
  Tensor operator()(const Tensor& x) const { return second(norm(gelu(first(x)))); }

  Linear first;
  LayerNorm norm;
  Linear second;
};

/// The graph encoder: embeddings, attention stack with residuals, simplicial embedding.
class GraphTransformer : public Module {
 public:
  GraphTransformer(Backend& backend, const EncoderConfig& config);

  /// -> [graphs + nodes, out_dim], token rows first.
  Tensor forward(const GraphBatch& batch) const;
  void initialize(RandomStream& random);

 private:
  EncoderConfig config_;
  FeatureMlp graph_mlp_;
  Linear node_projection_;
  FeatureMlp edge_mlp_;
  std::vector<std::unique_ptr<GraphAttentionLayer>> layers_;
  std::vector<std::unique_ptr<LayerNorm>> norms_;
};

}  // namespace frost
