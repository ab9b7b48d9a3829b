#pragma once

#include <cstdint>
#include <vector>

#include "engine/layers/layers.h"

namespace frost {

/// (x - mean) / deviation per column, with statistics that are taken once; until then the identity.
///
/// Columns come in groups of one kind. The deviation of a column counts as at least a tenth of the
/// group's (root of the mean variance), so that what hardly ever changes is not blown up, and as 1
/// where nothing of the group changes. Buffers `mean`, `variance` (as a BatchNorm reads it) and
/// `rows`, which is 0 before there are statistics.
class Standardization : public Module {
 public:
  /// Columns of each group in turn.
  Standardization(Backend& backend, std::vector<std::int64_t> groups);

  /// x [n, columns].
  Tensor operator()(const Tensor& x) const;
  bool defined() const;
  /// Takes in rows [n, columns] that the statistics will be of.
  void observe(const Tensor& rows);
  /// Makes the statistics of what was observed. Throws Error where that is nothing, and
  /// NotFiniteError where a column is not finite.
  void define();

 private:
  std::vector<std::int64_t> groups_;
  Tensor mean_, variance_, rows_, scale_, shift_;
  std::vector<double> sums_, squares_;  ///< of what was observed, about `origin_`
  std::vector<float> origin_;           ///< the first row, so that squares do not cancel
  std::int64_t observed_ = 0;
};

}  // namespace frost
