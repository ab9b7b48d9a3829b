#pragma once

#include <optional>

#include "models/policies/action_heads.h"
#include "models/policies/backbone_network.h"
#include "models/policies/frame_memory.h"
#include "models/policies/map_head.h"
#include "models/standardization.h"

namespace frost {

/// The network of picture observations (docs/networks.md, "Image observations"): each side is
/// body -> trunk -> heads, straight on the picture.
///
/// Of several frames the body sees one at a time, and the trunk what it makes of all, side by side,
/// with the values beside the picture. Bodies that end at a map which is not pooled have a
/// `MapHead` between them and the trunk. Nothing trains below the bodies, so their leading frozen
/// units are a fixed function of a frame: `encode` yields what the prefix makes of each, and
/// `prefix_id` is the prefix's.
class ImageActorCritic : public BackboneNetwork {
 public:
  /// Throws UsageError for pictures of three channels and an `input_adapter` for one.
  ImageActorCritic(Backend& backend, const ActorCriticConfig& config);

  /// Throws Error for anything but pictures as `config.picture` says.
  StateBatch make_batch(const std::vector<const Observation*>& observations,
                        BatchPadding padding = BatchPadding::kNone) const override;
  PolicyOutput forward(const StateBatch& batch) override;
  Tensor values(const StateBatch& batch) override;
  void initialize(RandomStream& random, bool with_bodies) override;
  /// A frame that the last call saw too is not run again.
  Tensor encode(const StateBatch& batch) override;
  std::uint64_t prefix_id() override { return prefix_.id(); }
  int frames() const override { return config_.picture.frames; }
  Shape body_input() const override {
    return {config_.picture.height, config_.picture.width, config_.picture.channels};
  }
  bool trains_below_bodies() const override { return false; }
  FrozenPrefix* prefix() override { return &prefix_; }
  bool awaits_statistics() const override;
  std::vector<double> statistics_of(const StateBatch& batch) override;
  void set_statistics(const std::vector<double>& sums) override;
  /// The network sees (x / 255 - mean) / deviation per channel; of one channel their averages, so
  /// that three equal channels and one channel with summed weights are the same function.
  void set_preprocessing(const Preprocessing& preprocessing) override;

 private:
  /// What each side's first unit behind the prefix reads, [states * frames, ...], and the values
  /// beside the pictures.
  struct Inputs {
    Tensor actor, critic, values;
  };

  /// Whether `encode` yields anything.
  bool keeps_features() const;
  Inputs inputs(const StateBatch& batch);
  /// What the trunk of `side`, an owner of the prefix, reads of the maps of all frames, before it
  /// is standardised.
  Tensor features(std::size_t side, const Tensor& maps, const Tensor& values);
  PolicyOutput act(const Inputs& in);
  Tensor judge(const Inputs& in);

  std::optional<MapHead> actor_map_, critic_map_;                  ///< where maps are not pooled
  std::optional<Standardization> actor_columns_, critic_columns_;  ///< where that is configured
  Trunk actor_trunk_, critic_trunk_;
  ActionHeads heads_;
  Linear value_heads_;
  FrozenPrefix prefix_;
  FrameMemory memory_;
  bool swaps_channels_ = false;  ///< the bodies want blue, green, red
};

}  // namespace frost
