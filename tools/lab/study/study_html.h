#pragma once

#include <string>

#include "tools/lab/study/study_runs.h"

namespace frost {

/// The page of tools/scripts/study.sh: tables and curves.
std::string study_html(const StudyConfig& study, const StudyResults& results);

}  // namespace frost
