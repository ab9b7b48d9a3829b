#include "rl/ppo/loss_terms.h"

#include <algorithm>

namespace frost {

EntropyTerm entropy_term(double entropy, double weight, double floor, double penalty) {
  EntropyTerm term{-weight * entropy, -weight};
  if (floor > 0 && entropy < floor) {
    term.loss += penalty * (floor - entropy);
    term.derivative -= penalty;
  }
  return term;
}

double entropy_coefficient(const PpoConfig& config, std::int64_t episodes) {
  const double done =
      std::min(1.0, static_cast<double>(episodes) / std::max(1, config.entropy_decay_episodes));
  return config.entropy_coeff_start +
         done * (config.entropy_coeff_end - config.entropy_coeff_start);
}

PolicyTerm policy_term(const Tensor& surrogate, double loss_weight, const EntropyRule& entropy) {
  PolicyTerm term;
  if (!surrogate.defined()) return term;
  const std::vector<float> values = surrogate.to_host();
  term.loss = values[0];
  term.entropy = values[1];
  term.kl = values[2];
  term.clipfrac = values[3];
  const EntropyTerm bonus =
      entropy_term(term.entropy, entropy.weight, entropy.floor, entropy.penalty);
  term.weighted_loss = loss_weight * term.loss + bonus.loss;
  term.gradient = {static_cast<float>(loss_weight), static_cast<float>(bonus.derivative), 0.0f,
                   0.0f};
  return term;
}

}  // namespace frost
