#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "rl/ppo/gradient_step.h"
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

/// The clipped surrogate of one action part, with its entropy bonus.
struct PolicyTerm {
  bool defined = false;  ///< whether there is such a part; else all is 0
  double loss = 0, entropy = 0, kl = 0, clipfrac = 0;
  EntropyTerm bonus{0, 0};
  double weighted_loss = 0;     ///< with the bonus
  std::vector<float> gradient;  ///< derivatives of `weighted_loss` by the surrogate's numbers

  /// Sets `weighted_loss` and `gradient`.
  void weigh(double loss_weight);
};

/// The losses of a minibatch as numbers, means over its states: whether there is a discrete part
/// and the four numbers of its surrogate, the same of the continuous part, the value loss.
std::vector<double> loss_numbers(const LossParts& losses);

/// What the losses of one minibatch are, on the host.
struct LossTerms {
  PolicyTerm discrete, continuous;
  double value = 0;

  double kl() const { return discrete.kl + continuous.kl; }
};
/// From `loss_numbers`, or a weighted mean of several. Nothing is checked.
LossTerms loss_terms(const std::vector<double>& numbers, const PpoConfig& config,
                     std::int64_t episodes);

/// Throws NotFiniteError "[ppo] the KL divergence of <minibatch> is not finite", or another term.
void require_finite(const LossTerms& terms, const std::string& minibatch);

}  // namespace frost
