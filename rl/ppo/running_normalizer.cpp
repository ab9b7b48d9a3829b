#include "rl/ppo/running_normalizer.h"

#include <algorithm>
#include <cmath>

namespace frost {

void RunningNormalizer::update(const std::vector<std::vector<double>>& rows, const Shards& shards) {
  const auto n = static_cast<double>(shards.overall(rows.size()));
  if (rows.empty()) return;
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    const double mean =
        shards.sum_items(rows.size(), [&](std::size_t i) { return rows[i][c] / n; });
    const double squares = shards.sum_items(
        rows.size(), [&](std::size_t i) { return (rows[i][c] - mean) * (rows[i][c] - mean); });
    const double shift = mean - mean_[c], total = count_ + n;
    mean_[c] += shift * n / total;
    sum_squares_[c] += squares + shift * shift * count_ * n / total;
  }
  count_ += n;
}

double RunningNormalizer::deviation(std::size_t component) const {
  if (count_ < 2) return 1.0;
  // A component that never varies keeps unit scale: dividing by its zero spread would be noise.
  const double deviation = std::sqrt(sum_squares_[component] / count_);
  return deviation < 1e-8 ? 1.0 : deviation;
}

bool RunningNormalizer::finite() const {
  const std::vector<double> all = state();
  return std::all_of(all.begin(), all.end(), [](double v) { return std::isfinite(v); });
}

double RunningNormalizer::normalise(std::size_t component, double value) const {
  return (value - mean_[component]) / deviation(component);
}

double RunningNormalizer::denormalise(std::size_t component, double value) const {
  return value * deviation(component) + mean_[component];
}

std::vector<double> RunningNormalizer::state() const {
  std::vector<double> state{count_};
  state.insert(state.end(), mean_.begin(), mean_.end());
  state.insert(state.end(), sum_squares_.begin(), sum_squares_.end());
  return state;
}

bool RunningNormalizer::set_state(const std::vector<double>& state) {
  const std::size_t components = mean_.size();
  if (state.size() != 1 + 2 * components) return false;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const bool is_mean = i >= 1 && i <= components;
    if (!std::isfinite(state[i]) || (state[i] < 0 && !is_mean)) return false;
  }
  const auto first = state.begin() + 1, middle = first + static_cast<std::ptrdiff_t>(components);
  count_ = state[0];
  mean_.assign(first, middle);
  sum_squares_.assign(middle, state.end());
  return true;
}

}  // namespace frost
