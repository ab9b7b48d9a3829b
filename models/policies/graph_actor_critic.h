#pragma once

#include "models/graph_transformer.h"
#include "models/policies/backbone_network.h"

namespace frost {

/// The network of graph observations (docs/networks.md, "Actor and critic"): a shared graph
/// encoder, then an actor per node and a critic per graph. Each side projects its tokens to 24x24
/// images for its body, so something trains below the bodies in every freeze mode.
class GraphActorCritic : public BackboneNetwork {
 public:
  /// Per node a choice, and `config.continuous_dims` values where that is above 0. Throws Error
  /// without choices.
  GraphActorCritic(Backend& backend, const ActorCriticConfig& config);

  StateBatch make_batch(const std::vector<const Observation*>& observations,
                        BatchPadding padding = BatchPadding::kNone) const override;
  PolicyOutput forward(const StateBatch& batch) override;
  Tensor values(const StateBatch& batch) override;
  void initialize(RandomStream& random, bool with_bodies) override;
  Shape body_input() const override { return {kImageSide, kImageSide, 1}; }
  bool trains_below_bodies() const override { return true; }

  static constexpr std::int64_t kImageSide = 24;
  /// Values of a token that become pixels; zeros fill the rest of the picture.
  static constexpr std::int64_t kTokenPixels = 512;

 private:
  /// The body runs on `Backend::preferred_batch` tokens at a time, so that its transient buffers do
  /// not grow with the graph.
  static Tensor pooled_tokens(const Linear& projection, ResNet& body, const Tensor& tokens);
  Tensor critic_values(const GraphBatch& batch, const Tensor& tokens);

  GraphTransformer encoder_;
  Linear actor_projection_, critic_projection_;
  Trunk actor_trunk_, critic_trunk_;
  Linear discrete_, mu_, logstd_;
  Tensor choice_bias_;
  Linear value_heads_;
};

}  // namespace frost
