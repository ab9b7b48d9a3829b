#pragma once

#include <cstdint>
#include <vector>

namespace frost {

/// Rows of samples for a linear read-out, and how they are split, in order: to fit, to choose the
/// strength of the penalty, to score.
struct ReadoutData {
  std::int64_t samples = 0, width = 0;
  std::vector<float> features;               ///< [samples, width]
  std::vector<std::vector<double>> targets;  ///< [targets][samples]
};

/// How well ridge regression (Hoerl & Kennard 1970) predicts each target from the features: R² on
/// the last third of the samples, of a fit on the first half whose penalty was chosen on what lies
/// between. 1 is perfect, 0 as good as the mean; below 0 counts as 0. Columns are centred and
/// scaled by the fitted half; a target that does not vary there or at the end has NaN.
///
/// Throws Error for fewer than 12 samples or features that do not fit.
std::vector<double> ridge_scores(const ReadoutData& data);

}  // namespace frost
