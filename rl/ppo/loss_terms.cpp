#include "rl/ppo/loss_terms.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/errors.h"

namespace frost {
namespace {

constexpr std::size_t kSurrogateNumbers = 4;

/// From whether there is such a part, and the numbers of its surrogate.
PolicyTerm policy_term(std::span<const double> numbers, const EntropyRule& entropy) {
  PolicyTerm term;
  term.defined = numbers[0] > 0;
  if (!term.defined) return term;
  term.loss = numbers[1];
  term.entropy = numbers[2];
  term.kl = numbers[3];
  term.clipfrac = numbers[4];
  term.bonus = entropy_term(term.entropy, entropy.weight, entropy.floor, entropy.penalty);
  return term;
}

}  // namespace

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

std::vector<double> loss_numbers(const LossParts& losses) {
  std::vector<double> numbers;
  for (const Tensor& surrogate : {losses.discrete, losses.continuous}) {
    numbers.push_back(surrogate.defined() ? 1 : 0);
    const std::vector<float> values =
        surrogate.defined() ? surrogate.to_host() : std::vector<float>(kSurrogateNumbers);
    numbers.insert(numbers.end(), values.begin(), values.end());
  }
  numbers.push_back(losses.value.to_host()[0]);
  return numbers;
}

LossTerms loss_terms(const std::vector<double>& numbers, const PpoConfig& config,
                     std::int64_t episodes) {
  const double coefficient = entropy_coefficient(config, episodes);
  const std::span<const double> all(numbers);
  return {
      policy_term(all.first(1 + kSurrogateNumbers),
                  {coefficient * config.discrete_entropy_weight, config.min_entropy_threshold, 3}),
      policy_term(
          all.subspan(1 + kSurrogateNumbers, 1 + kSurrogateNumbers),
          {coefficient * config.continuous_entropy_weight, config.min_continuous_entropy, 1.5}),
      numbers.back()};
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
