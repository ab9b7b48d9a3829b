#pragma once

#include "models/impala.h"
#include "models/policies/action_heads.h"
#include "models/policies/policy_network.h"

namespace frost {

/// The network of picture observations that is trained from random weights (docs/networks.md,
/// "A body from scratch"): one IMPALA body, whose features, with the values beside the picture, the
/// heads of actor and critic read.
///
/// The frames of a state are channels of one picture, scaled to [0, 1].
class ImpalaActorCritic : public PolicyNetwork {
 public:
  ImpalaActorCritic(Backend& backend, const ActorCriticConfig& config);

  /// Throws Error for anything but pictures as `config.picture` says.
  StateBatch make_batch(const std::vector<const Observation*>& observations,
                        BatchPadding padding = BatchPadding::kNone) const override;
  PolicyOutput forward(const StateBatch& batch) override;
  Tensor values(const StateBatch& batch) override;
  void initialize(RandomStream& random, bool with_bodies) override;
  /// `heads` with the rate of all heads; the body is among them.
  std::vector<ParamGroup> param_groups() const override;

 private:
  /// What the heads read, [states, 256 + values].
  Tensor features(const StateBatch& batch);
  std::int64_t width() const { return Impala::kFeatures + config_.picture.values; }

  Shape image_;  ///< [height, width, frames * channels]
  Impala body_;
  ActionHeads heads_;
  Linear value_heads_;
};

}  // namespace frost
