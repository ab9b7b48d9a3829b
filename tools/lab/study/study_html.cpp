#include "tools/lab/study/study_html.h"

#include <fmt/format.h>

#include <cmath>

#include "tools/lab/study/study_curves.h"
#include "tools/lab/study/study_statistics.h"
#include "tools/reports/html.h"
#include "tools/reports/line_chart.h"

namespace frost {
namespace {

std::string interval_text(const MeanInterval& m) {
  if (m.n == 0) return "-";
  if (std::isnan(m.low)) return fmt::format("{:.4g}", m.mean);
  return fmt::format("{:.4g} <small>[{:.4g}, {:.4g}]</small>", m.mean, m.low, m.high);
}

/// The part of a study that shares one variant.
struct Part {
  const StudyConfig& study;
  const StudyResults& results;
  const std::string& variant;

  std::vector<const StudyResult*> runs(const std::string& mode) const {
    return runs_of(results, variant, mode);
  }
};

std::string quantity_table(const Part& part, bool differences) {
  std::string html = "<table><tr><th>quantity</th>";
  for (const std::string& mode : part.study.freeze_modes) html += "<th>" + mode + "</th>";
  html += "</tr>\n";
  const auto base = part.runs(part.study.freeze_modes.front());
  for (const Quantity& q : study_quantities()) {
    html += fmt::format("<tr><td>{}{}</td>", q.name, q.unit.empty() ? "" : ", " + q.unit);
    for (const std::string& mode : part.study.freeze_modes) {
      const Summary s = summarise(q, part.runs(mode), base);
      html += "<td>" + interval_text(differences ? s.difference : s.value) + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string baseline_table(const Part& part) {
  std::string html =
      "<table><tr><th>policy</th><th>success, %</th><th>progress</th><th>return</th>"
      "<th>median success, steps</th></tr>\n";
  for (const BaselineResult& b : part.results.baselines) {
    if (b.baseline.variant != part.variant) continue;
    const HeldOut& h = b.held_out;
    html += fmt::format(
        "<tr><td>{}</td><td>{:.0f}</td><td>{:.3f}</td><td>{:.3g}</td><td>{}</td>"
        "</tr>\n",
        b.baseline.policy, 100 * h.success, h.progress, h.episode_return,
        std::isnan(h.median_steps) ? "-" : fmt::format("{:g}", h.median_steps));
  }
  return html + "</table>\n";
}

/// One quantity over the course of training, a line per mode, against steps or seconds.
std::string chart(const Part& part, const CurveKind& kind, bool wall_clock) {
  std::vector<Series> lines;
  for (const std::string& mode : part.study.freeze_modes) {
    Series line;
    line.name = mode;
    for (const CurvePoint& p : curve(kind, part.runs(mode))) {
      line.x.push_back(wall_clock ? p.seconds : p.steps);
      line.y.push_back(p.mean);
      line.low.push_back(p.low);
      line.high.push_back(p.high);
    }
    if (!line.x.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) return "";
  return line_chart_svg({kind.title, wall_clock ? "seconds of training" : "steps", ""}, lines);
}

}  // namespace

std::string study_html(const StudyConfig& study, const StudyResults& results) {
  std::string html = fmt::format(
      "<p>{} of {} runs are finished; {} seeds, {} held-out episodes of seed {}. Brackets hold 95 "
      "% "
      "confidence intervals over the seeds (Student's t, of success and progress in Wilson's "
      "form); "
      "the bands of the curves are the range over the seeds.</p>\n",
      results.runs.size(), results.planned, study.seeds, study.episodes, study.evaluation_seed);
  for (const std::string& variant : study.variants) {
    const Part part{study, results, variant};
    if (!variant.empty()) html += "<h2>" + html_escape(variant_label(variant)) + "</h2>\n";
    html += "<h2>After training</h2>\n" + quantity_table(part, false);
    if (study.freeze_modes.size() > 1) {
      html += fmt::format("<h2>Difference to {}, paired by seed</h2>\n{}",
                          study.freeze_modes.front(), quantity_table(part, true));
    }
    html += "<h2>Policies without training</h2>\n" + baseline_table(part);
    html += "<h2>Curves</h2>\n";
    for (const CurveKind& kind : study_curves()) {
      html += chart(part, kind, false) + chart(part, kind, true);
    }
  }
  return html_page("Freeze modes compared", html);
}

}  // namespace frost
