#include "rl/ppo/gae.h"

#include <cmath>

namespace frost {

std::vector<double> generalised_advantages(std::span<const GaeStep> steps, double gamma,
                                           double lambda) {
  std::vector<double> advantages(steps.size());
  double next = 0;
  for (std::size_t t = steps.size(); t-- > 0;) {
    const GaeStep& s = steps[t];
    const double delta = s.reward + gamma * s.next_value - s.value;
    next = delta + (s.last ? 0.0 : gamma * lambda * next);
    advantages[t] = next;
  }
  return advantages;
}

Spread spread_of(std::span<const double> values, const Shards& shards) {
  const auto n = static_cast<double>(shards.overall(values.size()));
  const double mean = shards.sum_items(values.size(), [&](std::size_t i) { return values[i] / n; });
  const double variance = shards.sum_items(
      values.size(), [&](std::size_t i) { return (values[i] - mean) * (values[i] - mean) / n; });
  return {mean, std::sqrt(variance)};
}

void standardise(std::vector<double>& values, const Spread& spread) {
  const double deviation = spread.deviation + 1e-8;
  for (double& v : values) v = (v - spread.mean) / deviation;
}

void standardise(std::vector<double>& values, const Shards& shards) {
  standardise(values, spread_of(values, shards));
}

}  // namespace frost
