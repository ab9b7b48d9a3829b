#include "rl/ppo/loss_terms.h"

#include <algorithm>
#include <cmath>

#include "kernels/errors.h"

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

void PolicyTerm::weigh(double loss_weight) {
  weighted_loss = loss_weight * loss + bonus.loss;
  gradient = {static_cast<float>(loss_weight), static_cast<float>(bonus.derivative), 0.0f, 0.0f};
}

PolicyTerm policy_term(const Tensor& surrogate, const EntropyRule& entropy) {
  PolicyTerm term;
  if (!surrogate.defined()) return term;
  term.defined = true;
  const std::vector<float> values = surrogate.to_host();
  term.loss = values[0];
  term.entropy = values[1];
  term.kl = values[2];
  term.clipfrac = values[3];
  term.bonus = entropy_term(term.entropy, entropy.weight, entropy.floor, entropy.penalty);
  return term;
}

LossTerms loss_terms(const LossParts& losses, const PpoConfig& config, std::int64_t episodes) {
  const double coefficient = entropy_coefficient(config, episodes);
  return {policy_term(losses.discrete, {coefficient * config.discrete_entropy_weight,
                                        config.min_entropy_threshold, 3}),
          policy_term(losses.continuous, {coefficient * config.continuous_entropy_weight,
                                          config.min_continuous_entropy, 1.5}),
          losses.value.to_host()[0]};
}

void require_finite(const LossTerms& terms, const std::string& minibatch) {
  const auto require = [&](double value, const char* what) {
    if (std::isfinite(value)) return;
    throw NotFiniteError("[ppo] " + std::string(what) + " of " + minibatch + " is not finite");
  };
  require(terms.kl(), "the KL divergence");
  require(terms.discrete.loss + terms.continuous.loss, "the policy loss");
  require(terms.discrete.entropy + terms.continuous.entropy, "the entropy");
  require(terms.value, "the value loss");
}

}  // namespace frost
