#pragma once

#include <cstddef>
#include <vector>

namespace frost {

/// A mean and its 95 % confidence interval; NaN bounds for fewer than two values.
struct MeanInterval {
  int n = 0;
  double mean = 0, low = 0, high = 0;
};
/// By Student's t. Values that are NaN are left out.
MeanInterval mean_interval(const std::vector<double>& values);

/// Of values in [0, 1], each the mean of `trials` results: Wilson's interval, which stays within
/// [0, 1].
///
/// The spread between the values says how many independent results they are worth, at most all; the
/// quantile is Student's t. Away from the ends this is the interval of `mean_interval`.
MeanInterval share_interval(const std::vector<double>& values, double trials);

/// The 97.5 % quantile of Student's t for `freedom` >= 1 degrees of freedom.
double student_quantile(std::size_t freedom);

/// Limits an interval to [low, high], where the truth lies.
MeanInterval within(MeanInterval m, double low, double high);

}  // namespace frost
