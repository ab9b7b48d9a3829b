#include "rl/action_space.h"

#include <algorithm>
#include <cmath>

#include "kernels/errors.h"

namespace frost {
namespace {

double sigmoid(double u) {
  return 1.0 / (1.0 + std::exp(-u));
}

}  // namespace

double executed_value(const ContinuousDimension& d, double u) {
  if (d.squash == Squash::kClip) return std::clamp(u, d.low, d.high);
  if (d.squash == Squash::kTanh) {
    return 0.5 * (d.high + d.low) + 0.5 * (d.high - d.low) * std::tanh(u);
  }
  return d.low + (d.high - d.low) * sigmoid(u);
}

double log_executed_derivative(const ContinuousDimension& d, double u) {
  if (d.squash == Squash::kClip) fail("action", "a clipped value has no density");
  if (d.squash == Squash::kTanh) {
    // 1 - tanh(u)^2 = 1 / cosh(u)^2, which keeps its digits far from zero.
    return std::log(0.5 * (d.high - d.low)) - 2.0 * std::log(std::cosh(u));
  }
  // sigmoid(-u) is 1 - sigmoid(u) without cancellation.
  return std::log(d.high - d.low) + std::log(sigmoid(u)) + std::log(sigmoid(-u));
}

}  // namespace frost
