#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/lab/study/study_runs.h"
#include "tools/reports/intervals.h"

namespace frost {

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
