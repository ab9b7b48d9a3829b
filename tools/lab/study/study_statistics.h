#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/lab/study/study_runs.h"

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

/// One number of a finished run; docs/study.md, "Quantities".
struct Quantity {
  std::string name, unit;
  double (*of)(const StudyResult&);
  double (*of_baseline)(const HeldOut&) = nullptr;  ///< where a policy without training has it
  double most = 0;  ///< of a mean of held-out episodes that lies in [0, most]; 0: any other
};
const std::vector<Quantity>& study_quantities();

/// A quantity over the seeds of one mode, and its difference to the first mode, paired by seed.
struct Summary {
  MeanInterval value, difference;
};
Summary summarise(const Quantity& quantity, const std::vector<const StudyResult*>& runs,
                  const std::vector<const StudyResult*>& base);

/// The runs of one variant and mode, by seed.
std::vector<const StudyResult*> runs_of(const StudyResults& results, const std::string& variant,
                                        const std::string& freeze_mode);

}  // namespace frost
