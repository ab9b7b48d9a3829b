#pragma once

#include <string>
#include <vector>

#include "tools/lab/study/study_runs.h"

namespace frost {

/// A mean and its 95 % confidence interval by Student's t; NaN bounds for fewer than two values.
struct MeanInterval {
  int n = 0;
  double mean = 0, low = 0, high = 0;
};
/// Values that are NaN are left out.
MeanInterval mean_interval(const std::vector<double>& values);

/// One number of a finished run; docs/study.md, "Quantities".
struct Quantity {
  std::string name, unit;
  double (*of)(const StudyResult&);
  double (*of_baseline)(const HeldOut&) = nullptr;  ///< where a policy without training has it
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
