#pragma once

#include "models/backbone_network.h"

namespace frost {

/// The network of image observations (docs/durotaxis.md, "Image observations"): each side is
/// body -> trunk -> heads, straight on the picture.
///
/// Nothing trains below the bodies, so their leading frozen units are a fixed function of the
/// picture: the prefix. It runs without a tape, once for both sides while their prefixes hold the
/// same weights, and what it yields can be kept for as long as `prefix_id` stays the same.
class ImageActorCritic : public BackboneNetwork {
 public:
  /// `config.continuous_dims` 1: the delete ratio alone (stage 1); 5: and the spawn parameters.
  ImageActorCritic(Backend& backend, const ActorCriticConfig& config);

  StateBatch make_batch(const std::vector<const Observation*>& observations,
                        BatchPadding padding = BatchPadding::kNone) const override;
  PolicyOutput forward(const StateBatch& batch) override;
  Tensor values(const StateBatch& batch) override;
  void initialize(RandomStream& random, bool with_bodies) override;
  Tensor encode(const StateBatch& batch) override;
  std::uint64_t prefix_id() override;
  std::int64_t image_side() const override { return config_.image_size; }
  bool trains_below_bodies() const override { return false; }

  /// The prefix as both sides see it now: `units` leading units of the bodies, computed once where
  /// `shared`.
  struct Prefix {
    int units = 0;
    bool shared = false;
  };
  const Prefix& prefix();

  /// The network sees (x / 255 - mean) / deviation, averages over ImageNet's channels, so that
  /// three equal channels and one channel with summed weights are the same function.
  static constexpr float kPixelMean = 0.449f, kPixelDeviation = 0.226f;
  /// The prefix always runs on this many states, the last chunk padded: a kernel may sum in another
  /// order on another batch size, and kept features must equal recomputed ones bit for bit.
  static constexpr std::int64_t kPrefixChunk = 8;
  /// Width of the action heads: delete ratio, gamma, alpha, noise, theta.
  static constexpr std::int64_t kActionDims = 1 + kSpawnParameters;

 private:
  /// What each side's first unit behind the prefix reads.
  struct Inputs {
    Tensor actor, critic;
  };

  Tensor pixels(const StateBatch& batch) const;
  Tensor run_prefix(ResNet18& body, const Tensor& images) const;
  Inputs inputs(const StateBatch& batch);
  Tensor columns(const Tensor& heads) const;

  Trunk actor_trunk_, critic_trunk_;
  Linear mu_, logstd_, value_heads_;
  Prefix prefix_;
  std::uint64_t prefix_id_ = 0;
  std::vector<std::uint64_t> prefix_versions_;  ///< what `prefix_` was determined from
};

}  // namespace frost
