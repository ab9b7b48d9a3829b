#include "rl/ppo/running_normalizer.h"

#include <cmath>

#include "kernels/errors.h"

namespace frost {

void RunningNormalizer::update(const std::vector<std::vector<double>>& rows) {
  const auto n = static_cast<double>(rows.size());
  if (rows.empty()) return;
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    double mean = 0, squares = 0;
    for (const auto& row : rows) mean += row[c] / n;
    for (const auto& row : rows) squares += (row[c] - mean) * (row[c] - mean);
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

void RunningNormalizer::set_state(const std::vector<double>& state) {
  if (state.size() != 1 + 2 * mean_.size()) fail("normalizer", "the saved state has another size");
  const auto n = static_cast<std::ptrdiff_t>(mean_.size());
  count_ = state[0];
  mean_.assign(state.begin() + 1, state.begin() + 1 + n);
  sum_squares_.assign(state.begin() + 1 + n, state.end());
}

}  // namespace frost
