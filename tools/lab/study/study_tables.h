#pragma once

#include <string>

#include "tools/lab/study/study_runs.h"

namespace frost {

/// One row per run; one per variant, mode and quantity; one per point of a curve.
std::string study_runs_csv(const StudyResults& results);
std::string study_summary_csv(const StudyConfig& study, const StudyResults& results);
std::string study_curves_csv(const StudyConfig& study, const StudyResults& results);

}  // namespace frost
