#include "rl/distributions.h"

#include <cmath>

namespace frost {
namespace {

constexpr std::size_t kTheta = 3;

double sigmoid(double u) {
  return 1.0 / (1.0 + std::exp(-u));
}

}  // namespace

double bounded_parameter(const SpawnPolicyConfig& config, std::size_t index, double u) {
  const auto [low, high] = config.bounds[index];
  if (index == kTheta) return 0.5 * (high + low) + 0.5 * (high - low) * std::tanh(u);
  return low + (high - low) * sigmoid(u);
}

double log_bounded_derivative(const SpawnPolicyConfig& config, std::size_t index, double u) {
  const auto [low, high] = config.bounds[index];
  if (index == kTheta) {
    // 1 - tanh(u)^2 = 1 / cosh(u)^2, which keeps its digits far from zero.
    return std::log(0.5 * (high - low)) - 2.0 * std::log(std::cosh(u));
  }
  // sigmoid(-u) is 1 - sigmoid(u) without cancellation.
  return std::log(high - low) + std::log(sigmoid(u)) + std::log(sigmoid(-u));
}

}  // namespace frost
