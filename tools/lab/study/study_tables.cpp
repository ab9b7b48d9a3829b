#include "tools/lab/study/study_tables.h"

#include <fmt/format.h>

#include "tools/lab/study/study_curves.h"
#include "tools/lab/study/study_statistics.h"
#include "tools/reports/csv.h"

namespace frost {
namespace {

std::string interval_fields(const MeanInterval& m) {
  return fmt::format("{},{:.6g},{:.6g},{:.6g}", m.n, m.mean, m.low, m.high);
}

}  // namespace

std::string study_runs_csv(const StudyResults& results) {
  std::string csv = "variant,freeze_mode,seed";
  for (const Quantity& q : study_quantities()) csv += "," + csv_field(q.name);
  csv += "\n";
  for (const StudyResult& r : results.runs) {
    csv += fmt::format("{},{},{}", csv_field(r.run.variant), r.run.freeze_mode, r.run.seed);
    for (const Quantity& q : study_quantities()) csv += fmt::format(",{:.6g}", q.of(r));
    csv += "\n";
  }
  for (const BaselineResult& b : results.baselines) {
    csv += fmt::format("{},{},", csv_field(b.baseline.variant), b.baseline.policy);
    for (const Quantity& q : study_quantities()) {
      csv += q.of_baseline == nullptr ? "," : fmt::format(",{:.6g}", q.of_baseline(b.held_out));
    }
    csv += "\n";
  }
  return csv;
}

std::string study_summary_csv(const StudyConfig& study, const StudyResults& results) {
  std::string csv =
      "variant,freeze_mode,quantity,unit,n,mean,low,high,difference_n,difference,difference_low,"
      "difference_high\n";
  for (const std::string& variant : study.variants) {
    const auto base = runs_of(results, variant, study.freeze_modes.front());
    for (const std::string& mode : study.freeze_modes) {
      const auto runs = runs_of(results, variant, mode);
      for (const Quantity& q : study_quantities()) {
        const Summary s = summarise(q, runs, base);
        csv +=
            fmt::format("{},{},{},{},{},{}\n", csv_field(variant), mode, csv_field(q.name),
                        csv_field(q.unit), interval_fields(s.value), interval_fields(s.difference));
      }
    }
  }
  return csv;
}

std::string study_curves_csv(const StudyConfig& study, const StudyResults& results) {
  std::string csv = "variant,freeze_mode,curve,steps,seconds,mean,low,high\n";
  for (const std::string& variant : study.variants) {
    for (const std::string& mode : study.freeze_modes) {
      const auto runs = runs_of(results, variant, mode);
      for (const CurveKind& kind : study_curves()) {
        for (const CurvePoint& p : curve(kind, runs)) {
          csv +=
              fmt::format("{},{},{},{:g},{:.1f},{:.6g},{:.6g},{:.6g}\n", csv_field(variant), mode,
                          csv_field(kind.title), p.steps, p.seconds, p.mean, p.low, p.high);
        }
      }
    }
  }
  return csv;
}

}  // namespace frost
