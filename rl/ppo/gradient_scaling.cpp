#include "rl/ppo/gradient_scaling.h"

#include <algorithm>
#include <cmath>

namespace frost {
namespace {

constexpr const char* kKey = "ppo.gradient_scaling";

}  // namespace

void GradientScaling::record(double discrete_norm, double continuous_norm) {
  // The first norms start the means: from 0 they would read as vanishing gradients for long.
  const double keep = state_.calls == 0 ? 0.0 : config_.momentum;
  state_.discrete_norm = keep * state_.discrete_norm + (1.0 - keep) * discrete_norm;
  state_.continuous_norm = keep * state_.continuous_norm + (1.0 - keep) * continuous_norm;
  ++state_.calls;
}

PolicyLossWeights GradientScaling::weights() const {
  if (state_.calls < config_.warmup_calls) return base_;
  const double discrete = base_.discrete * factor(state_.discrete_norm);
  const double continuous = base_.continuous * factor(state_.continuous_norm);
  const double sum = discrete + continuous;
  return {discrete / sum, continuous / sum};
}

void GradientScaling::save(StateDict& state) const {
  state[kKey] = HostTensor::from_doubles(
      {state_.discrete_norm, state_.continuous_norm, static_cast<double>(state_.calls)});
}

void GradientScaling::load(const StateDict& state) {
  const std::vector<double> values = find_tensor(state, kKey, "checkpoint").to_doubles(kKey);
  const bool sound = values.size() == 3 && std::all_of(values.begin(), values.end(), [](double v) {
                       return std::isfinite(v) && v >= 0 && v < 1e18;
                     });
  if (!sound) fail_damaged(kKey, "these are no two norms and a count");
  restore({values[0], values[1], static_cast<std::int64_t>(values[2])});
}

double GradientScaling::factor(double norm) const {
  if (norm <= config_.target_norm / config_.max_factor) return config_.max_factor;
  return std::max(config_.target_norm / norm, config_.min_factor);
}

}  // namespace frost
