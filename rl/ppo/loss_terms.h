#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "rl/ppo/ppo_config.h"

namespace frost {

/// The entropy part of the loss and its derivative by the mean entropy H: -weight * H, plus
/// penalty (floor - H) where H is below the floor; a floor of 0 is none.
struct EntropyTerm {
  double loss, derivative;
};
EntropyTerm entropy_term(double entropy, double weight, double floor, double penalty);

/// The entropy coefficient after so many finished episodes: linear from start to end, then the end.
double entropy_coefficient(const PpoConfig& config, std::int64_t episodes);

/// How the mean entropy of one action part enters the loss.
struct EntropyRule {
  double weight, floor, penalty;
};

/// The clipped surrogate of one action part, with its entropy bonus and gradient weights.
struct PolicyTerm {
  std::vector<float> gradient;
  double loss = 0, entropy = 0, kl = 0, clipfrac = 0, weighted_loss = 0;
};

/// From what `ppo_surrogate` gives, [4]; zeros where that is undefined. Nothing is checked.
PolicyTerm policy_term(const Tensor& surrogate, double loss_weight, const EntropyRule& entropy);

}  // namespace frost
