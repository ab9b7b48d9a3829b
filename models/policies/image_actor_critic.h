#pragma once

#include "models/policies/backbone_network.h"

namespace frost {

/// The network of image observations (docs/networks.md, "Image observations"): each side is
/// body -> trunk -> heads, straight on the picture.
///
/// Nothing trains below the bodies, so their leading frozen units are a fixed function of the
/// picture: `encode` yields what the prefix makes of it, and `prefix_id` is the prefix's.
class ImageActorCritic : public BackboneNetwork {
 public:
  ImageActorCritic(Backend& backend, const ActorCriticConfig& config);

  /// Throws Error for anything but pictures of `config.image_size` pixels a side.
  StateBatch make_batch(const std::vector<const Observation*>& observations,
                        BatchPadding padding = BatchPadding::kNone) const override;
  PolicyOutput forward(const StateBatch& batch) override;
  Tensor values(const StateBatch& batch) override;
  void initialize(RandomStream& random, bool with_bodies) override;
  Tensor encode(const StateBatch& batch) override;
  std::uint64_t prefix_id() override { return prefix_.id(); }
  std::int64_t image_side() const override { return config_.image_size; }
  bool trains_below_bodies() const override { return false; }
  FrozenPrefix* prefix() override { return &prefix_; }
  /// The network sees (x / 255 - mean) / deviation, averages over the channels, so that three equal
  /// channels and one channel with summed weights are the same function.
  void set_preprocessing(const Preprocessing& preprocessing) override;

 private:
  /// What each side's first unit behind the prefix reads.
  struct Inputs {
    Tensor actor, critic;
  };

  Inputs inputs(const StateBatch& batch);
  Tensor judge(const Inputs& in);

  Trunk actor_trunk_, critic_trunk_;
  Linear mu_, logstd_, value_heads_;
  FrozenPrefix prefix_;
};

}  // namespace frost
