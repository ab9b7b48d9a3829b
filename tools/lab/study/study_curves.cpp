#include "tools/lab/study/study_curves.h"

#include <algorithm>
#include <cmath>

#include "tools/lab/study/study_statistics.h"

namespace frost {

const std::vector<CurveKind>& study_curves() {
  using Source = CurveKind::Source;
  static const std::vector<CurveKind> kinds = {
      {"success on held-out seeds", "eval/success_rate", Source::kEvaluations},
      {"progress on held-out seeds", "eval/progress", Source::kEvaluations},
      {"return on held-out seeds", "eval/return", Source::kEvaluations},
      {"return while training", "charts/episodic_return", Source::kMetrics},
      {"success while training", "charts/success_rate", Source::kMetrics},
      {"entropy", "losses/entropy", Source::kMetrics},
      {"explained variance", "losses/explained_variance", Source::kMetrics},
      {"gradient norm of the backbones", "grad_norm/backbone", Source::kMetrics},
      {"gradient norm of the heads", "grad_norm/heads", Source::kMetrics},
      {"gradient norm of the encoder", "grad_norm/encoder", Source::kMetrics},
  };
  return kinds;
}

namespace {

struct Points {
  std::vector<double> update, value;
};

Points points_of(const CurveKind& kind, const StudyResult& r) {
  if (kind.source == CurveKind::Source::kEvaluations) {
    return {r.evaluations.column("update"), r.evaluations.column(kind.column)};
  }
  if (!r.metrics.has(kind.column)) return {};
  return {r.metrics.column("charts/update"), r.metrics.column(kind.column)};
}

}  // namespace

std::vector<CurvePoint> curve(const CurveKind& kind, const std::vector<const StudyResult*>& runs) {
  std::vector<CurvePoint> points;
  std::vector<double> counted;  // how many runs have a value at a point
  for (const StudyResult* r : runs) {
    const Points p = points_of(kind, *r);
    const std::vector<double> seconds = r->seconds();
    const std::vector<double> steps = r->metrics.column("charts/global_step");
    points.resize(std::max(points.size(), p.value.size()), {0, 0, 0, INFINITY, -INFINITY});
    counted.resize(points.size());
    for (std::size_t i = 0; i < p.value.size(); ++i) {
      const auto row = static_cast<std::size_t>(p.update[i]) - 1;
      CurvePoint& point = points[i];
      point.steps = steps.at(row);
      point.seconds += seconds.at(row) / static_cast<double>(runs.size());
      if (std::isnan(p.value[i])) continue;
      ++counted[i];
      point.mean += p.value[i];
      point.low = std::min(point.low, p.value[i]);
      point.high = std::max(point.high, p.value[i]);
    }
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].mean /= counted[i];  // NaN, a gap, where no run has a value
    if (counted[i] == 0) points[i].low = points[i].high = NAN;
  }
  return points;
}

}  // namespace frost
