#pragma once

#include <string>
#include <vector>

#include "tools/lab/study/study_runs.h"

namespace frost {

/// Something drawn over the course of training: a column of a run's tables.
struct CurveKind {
  enum class Source { kMetrics, kEvaluations };
  std::string title, column;
  Source source;
};
const std::vector<CurveKind>& study_curves();

/// Mean and range over the seeds at one update.
struct CurvePoint {
  double steps, seconds, mean, low, high;
};
std::vector<CurvePoint> curve(const CurveKind& kind, const std::vector<const StudyResult*>& runs);

}  // namespace frost
