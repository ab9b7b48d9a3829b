#pragma once

#include <cstdint>
#include <span>
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
  /// How many sums `define` takes.
  std::size_t sums() const { return 1 + 2 * static_cast<std::size_t>(mean_.numel()); }
  /// Makes the statistics of `column_sums`, perhaps of several batches added up. Throws Error where
  /// they are of no row, and NotFiniteError where a column is not finite.
  void define(std::span<const double> sums);

 private:
  std::vector<std::int64_t> groups_;
  Tensor mean_, variance_, rows_, scale_, shift_;
};

/// Of rows [n, columns]: n, the sum of every column, and the sum of its squares.
std::vector<double> column_sums(const Tensor& rows);

}  // namespace frost
