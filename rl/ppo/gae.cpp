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

void standardise(std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, variance = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) variance += (v - mean) * (v - mean) / n;
  const double deviation = std::sqrt(variance) + 1e-8;
  for (double& v : values) v = (v - mean) / deviation;
}

}  // namespace frost
