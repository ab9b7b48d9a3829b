#include "tools/reports/pages/run_panels.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace frost {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostPoints = 1000;
/// A line is smoothed by the mean of this share of it, where it has points enough.
constexpr std::size_t kSmoothShare = 25, kFewestToSmooth = 20;

/// A column, or all that begin with a text which ends in '/'.
struct Source {
  RunTables::Table table;
  std::string column;
  std::string name = "";
};

struct PanelSpec {
  const char* group;
  const char* title;
  const char* unit;
  std::vector<Source> sources;
  bool noisy = true;       ///< smoothed
  bool of_goal = false;    ///< only where there is a goal
  bool zero_shown = true;  ///< also what is 0 throughout
  double factor = 1;
  bool from_zero = false;  ///< the axis begins at 0
};

std::vector<PanelSpec> panel_specs() {
  constexpr auto kM = RunTables::kMetrics, kT = RunTables::kTiming, kE = RunTables::kEvaluations;
  constexpr const char *kLearning = "Learning", *kPpo = "PPO", *kCost = "Optimizer and cost";
  const auto episodes = [](const char* trained, const char* evaluated) {
    return std::vector<Source>{{kM, trained, "training"}, {kE, evaluated, "held out"}};
  };
  return {
      {kLearning, "Return", "mean per episode", episodes("charts/episodic_return", "eval/return")},
      {kLearning, "Success rate", "share of episodes",
       episodes("charts/success_rate", "eval/success_rate"), true, true},
      {kLearning, "Progress to the goal", "mean at the end",
       episodes("charts/progress", "eval/progress"), true, true},
      {kLearning, "Length of an episode", "steps",
       episodes("charts/episodic_length", "eval/steps")},
      {kLearning, "Reward per step", "mean", {{kM, "reward/"}}, true, false, false},
      {kPpo,
       "Entropy of the actions",
       "nats",
       {{kM, "losses/entropy", "choices"}, {kM, "losses/continuous_entropy", "continuous"}},
       true,
       false,
       false},
      {kPpo,
       "Policy loss",
       "",
       {{kM, "losses/policy_loss", "choices"}, {kM, "losses/continuous_policy_loss", "continuous"}},
       true,
       false,
       false},
      {kPpo, "Value loss", "", {{kM, "losses/value_loss"}}},
      {kPpo, "Explained variance of the return", "", {{kM, "losses/explained_variance"}}},
      {kPpo, "Divergence from the collecting policy", "approximate KL", {{kM, "losses/approx_kl"}}},
      {kPpo, "Share of clipped ratios", "", {{kM, "losses/clipfrac"}}},
      {kCost, "Learning rates", "", {{kM, "lr/"}}, false, false, false},
      {kCost,
       "Gradient norms before clipping",
       "mean per minibatch",
       {{kM, "grad_norm/"}},
       true,
       false,
       false},
      {kCost,
       "Throughput",
       "environment steps per second",
       {{kT, "charts/SPS", "overall"},
        {kT, "charts/collect_SPS", "collecting"},
        {kT, "charts/learn_SPS", "learning"}}},
      {kCost,
       "Memory by category, peak",
       "MiB",
       {{kT, "memory_peak/"}},
       false,
       false,
       false,
       1.0 / (1 << 20),
       true},
  };
}

/// Of every `size` values in turn the mean of those that are no NaN.
std::vector<double> grouped(const std::vector<double>& values, std::size_t size) {
  std::vector<double> means;
  for (std::size_t at = 0; at < values.size(); at += size) {
    double sum = 0, count = 0;
    for (std::size_t i = at; i < std::min(at + size, values.size()); ++i) {
      if (std::isnan(values[i])) continue;
      sum += values[i];
      ++count;
    }
    means.push_back(count == 0 ? kNaN : sum / count);
  }
  return means;
}

/// Means of the last values up to each, without those that are NaN.
std::vector<double> trailing_means(const std::vector<double>& values) {
  const auto known = values.size() -
                     static_cast<std::size_t>(std::count_if(
                         values.begin(), values.end(), [](double v) { return !std::isfinite(v); }));
  if (known < kFewestToSmooth) return {};
  const std::size_t window = std::max<std::size_t>(2, values.size() / kSmoothShare);
  std::vector<double> means;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t first = i + 1 < window ? 0 : i + 1 - window;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(first);
    means.push_back(
        grouped({at, values.begin() + static_cast<std::ptrdiff_t>(i + 1)}, window).front());
  }
  return means;
}

/// The lines of the panels, one for each column of a source that a run has and that has content.
class LineMaker {
 public:
  LineMaker(const RunTables& run, const PanelSpec& spec, std::size_t most_points)
      : run_(run), spec_(spec), most_points_(most_points) {}

  std::vector<PanelLine> lines() const {
    std::vector<PanelLine> lines;
    if (run_.empty() || (spec_.of_goal && !run_.has_goal())) return lines;
    for (const Source& source : spec_.sources) {
      const std::optional<CsvTable>& table = run_.table(source.table);
      if (!table) continue;
      for (const std::string& column : table->names()) {
        const bool all = source.column.ends_with('/');
        if (all ? !column.starts_with(source.column) : column != source.column) continue;
        const std::string name = all ? column.substr(source.column.size()) : source.name;
        if (PanelLine line = make(source, column, name); has_content(line.y)) {
          lines.push_back(std::move(line));
        }
      }
    }
    return lines;
  }

 private:
  bool has_content(const std::vector<double>& y) const {
    return std::any_of(y.begin(), y.end(),
                       [&](double v) { return std::isfinite(v) && (spec_.zero_shown || v != 0); });
  }
  PanelLine make(const Source& source, const std::string& column, const std::string& name) const {
    const CsvTable& table = *run_.table(source.table);
    const std::size_t size = (table.rows() + most_points_ - 1) / most_points_;
    const auto values = [&](const std::string& which) {
      std::vector<double> found;
      if (table.has(which)) found = grouped(table.column(which), size);
      for (double& v : found) v *= spec_.factor;
      return found;
    };
    PanelLine line{name, run_.places(source.table), values(column), {}, {}, {}};
    for (auto* at : {&line.places.update, &line.places.steps, &line.places.seconds}) {
      *at = grouped(*at, size);
    }
    if (source.table == RunTables::kEvaluations) {
      line.low = values(column + "_low");
      line.high = values(column + "_high");
    } else if (spec_.noisy) {
      line.smooth = trailing_means(line.y);
    }
    return line;
  }
  const RunTables& run_;
  const PanelSpec& spec_;
  std::size_t most_points_;
};

Panel empty_panel(const PanelSpec& spec, const std::string& part, const RunTables* run) {
  Panel panel{spec.title, spec.unit, {}, {}, spec.from_zero};
  if (!part.empty()) panel.title += ": " + part;
  for (std::size_t i = 1; run != nullptr && i < run->freeze_spans().size(); ++i) {
    panel.marks.push_back(run->freeze_spans()[i].first);
  }
  return panel;
}

/// One panel with the lines of a run.
std::vector<Panel> panels_of_one(const PanelSpec& spec, const RunTables& run) {
  Panel panel = empty_panel(spec, "", &run);
  panel.lines = LineMaker(run, spec, kMostPoints).lines();
  if (panel.lines.empty()) return {};
  return {std::move(panel)};
}

/// Panels with a line for each run; what was held out is beside what was seen in training.
std::vector<Panel> panels_of_several(const PanelSpec& spec, const std::vector<RunTables>& runs) {
  std::vector<Panel> panels;
  std::vector<std::string> parts;
  const std::string held_out = "held out", training = "training";
  for (const RunTables& run : runs) {
    for (PanelLine& line : LineMaker(run, spec, kMostPoints / runs.size() + 1).lines()) {
      const bool evaluated = line.name == held_out;
      const std::string part = evaluated || line.name == training ? "" : line.name;
      auto found = std::find(parts.begin(), parts.end(), part);
      if (found == parts.end()) {
        found = parts.insert(parts.end(), part);
        panels.push_back(empty_panel(spec, part, nullptr));
      }
      line.name = run.name() + (evaluated ? ", " + held_out : "");
      panels[static_cast<std::size_t>(found - parts.begin())].lines.push_back(std::move(line));
    }
  }
  return panels;
}

}  // namespace

std::vector<PanelGroup> run_panels(const std::vector<RunTables>& runs) {
  std::vector<PanelGroup> groups;
  for (const PanelSpec& spec : panel_specs()) {
    std::vector<Panel> panels =
        runs.size() == 1 ? panels_of_one(spec, runs.front()) : panels_of_several(spec, runs);
    if (panels.empty()) continue;
    if (groups.empty() || groups.back().title != spec.group) groups.push_back({spec.group, {}});
    std::move(panels.begin(), panels.end(), std::back_inserter(groups.back().panels));
  }
  return groups;
}

}  // namespace frost
