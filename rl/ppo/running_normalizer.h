#pragma once

#include <cstdint>
#include <vector>

#include "rl/communicator/shards.h"

namespace frost {

/// Running mean and variance per component (Chan et al. 1983), to train values in units of their
/// own spread. Before the first update it is the identity.
class RunningNormalizer {
 public:
  explicit RunningNormalizer(std::size_t components)
      : mean_(components), sum_squares_(components) {}

  /// Takes in a batch of rows [n, components], of all shards.
  void update(const std::vector<std::vector<double>>& rows, const Shards& shards = Shards());
  double normalise(std::size_t component, double value) const;
  double denormalise(std::size_t component, double value) const;
  double deviation(std::size_t component) const;
  /// Whether the statistics are; values above 1e154 have squares that overflow.
  bool finite() const;

  /// count, then mean and sum of squares per component.
  std::vector<double> state() const;
  /// False, and nothing has changed, for numbers that no updates lead to.
  [[nodiscard]] bool set_state(const std::vector<double>& state);

 private:
  double count_ = 0;
  std::vector<double> mean_, sum_squares_;
};

}  // namespace frost
