#include "tools/reports/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/io/atomic_file.h"
#include "tools/reports/csv_table.h"
#include "tools/reports/html.h"
#include "tools/reports/line_chart.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 26;
  const std::vector<std::byte> bytes = read_regular_file(path, kLargest);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct RunTables {
  CsvTable metrics, timing;
  std::optional<CsvTable> evaluations;  ///< none where the run was never evaluated

  explicit RunTables(const fs::path& folder)
      : metrics(CsvTable::read(folder / "metrics.csv")),
        timing(CsvTable::read(folder / "timing.csv")) {
    if (fs::exists(folder / "evaluations.csv")) {
      evaluations = CsvTable::read(folder / "evaluations.csv");
    }
  }
};

/// A column over the updates; nothing where the table lacks it.
std::vector<Series> line_of(const CsvTable& table, const std::string& column,
                            const std::string& name) {
  if (!table.has(column)) return {};
  const char* update = table.has("charts/update") ? "charts/update" : "update";
  return {{name, table.column(update), table.column(column)}};
}

/// Every column that begins with `prefix` and is not 0 throughout, times `factor`.
std::vector<Series> lines_with(const CsvTable& table, const std::string& prefix, double factor) {
  std::vector<Series> lines;
  for (const std::string& name : table.names()) {
    if (!name.starts_with(prefix)) continue;
    Series line = line_of(table, name, name.substr(prefix.size())).front();
    if (std::all_of(line.y.begin(), line.y.end(), [](double y) { return y == 0; })) continue;
    for (double& y : line.y) y *= factor;
    lines.push_back(std::move(line));
  }
  return lines;
}

/// A mean over the finished episodes, in training and, where it was evaluated, on held-out ones.
std::vector<Series> episode_lines(const RunTables& run, const std::string& trained,
                                  const std::string& evaluated) {
  std::vector<Series> lines = line_of(run.metrics, trained, "training");
  if (!run.evaluations) return lines;
  for (Series& s : line_of(*run.evaluations, evaluated, "held out")) lines.push_back(std::move(s));
  return lines;
}

std::string chart(const std::string& title, const std::string& y_label,
                  const std::vector<Series>& series) {
  return series.empty() ? "" : line_chart_svg({title, "update", y_label}, series);
}

std::string learning_charts(const RunTables& run) {
  const CsvTable& m = run.metrics;
  const auto metric = [&](const char* title, const char* column) {
    return chart(title, "", line_of(m, column, ""));
  };
  return chart("Return", "mean per episode",
               episode_lines(run, "charts/episodic_return", "eval/return")) +
         chart("Success rate", "share of episodes",
               episode_lines(run, "charts/success_rate", "eval/success_rate")) +
         chart("Progress to the goal", "mean at the end",
               episode_lines(run, "charts/progress", "eval/progress")) +
         chart("Length of an episode", "steps",
               episode_lines(run, "charts/episodic_length", "eval/steps")) +
         chart("Reward per step", "mean", lines_with(m, "reward/", 1)) +
         metric("Entropy of the decisions", "losses/entropy") +
         metric("Policy loss", "losses/policy_loss") + metric("Value loss", "losses/value_loss") +
         metric("Explained variance of the return", "losses/explained_variance") +
         metric("Divergence from the collecting policy (approximate KL)", "losses/approx_kl") +
         metric("Share of clipped ratios", "losses/clipfrac");
}

std::string cost_charts(const RunTables& run) {
  constexpr double kMebibyte = 1 << 20;
  std::vector<Series> speed = line_of(run.timing, "charts/SPS", "overall");
  for (const auto& [column, name] :
       {std::pair{"charts/collect_SPS", "collecting"}, std::pair{"charts/learn_SPS", "learning"}}) {
    for (Series& s : line_of(run.timing, column, name)) speed.push_back(std::move(s));
  }
  return chart("Learning rates", "", lines_with(run.metrics, "lr/", 1)) +
         chart("Gradient norms before clipping", "mean per minibatch",
               lines_with(run.metrics, "grad_norm/", 1)) +
         chart("Speed", "environment steps per second", speed) +
         chart("Memory by category, peak", "MiB",
               lines_with(run.timing, "memory_peak/", 1 / kMebibyte));
}

/// Emptied before it goes: a tree that holds something allocates when it is destroyed, and ends the
/// program where that fails.
struct JsonObject {
  nlohmann::ordered_json json;
  ~JsonObject() { json.clear(); }
};

/// run.json, one line per entry.
std::string facts(const fs::path& folder) {
  std::string lines;
  const JsonObject object{nlohmann::ordered_json::parse(text_of(folder / "run.json"))};
  for (const auto& [name, value] : object.json.items()) {
    lines += fmt::format("{:<14} {}\n", name + ":",
                         value.is_string() ? value.get<std::string>() : value.dump());
  }
  return lines;
}

/// A run that is stopped before its first update is done has no tables.
std::string all_charts(const fs::path& folder) {
  if (!fs::exists(folder / "metrics.csv")) return "<p>No update is done yet.</p>\n";
  const RunTables run(folder);
  return "<h2>Learning</h2>\n<div class=\"charts\">\n" + learning_charts(run) + "</div>\n" +
         "<h2>Optimizer and cost</h2>\n<div class=\"charts\">\n" + cost_charts(run) + "</div>\n";
}

std::string preformatted(const std::string& text) {
  return "<pre>" + html_escape(text) + "</pre>\n";
}

}  // namespace

std::string run_report_html(const fs::path& folder, const std::string& summary,
                            const std::string& animation) {
  std::string body = preformatted(facts(folder) + "\n" + summary) + all_charts(folder);
  if (!animation.empty()) {
    body += "<h2>A held-out episode of the last policy</h2>\n" +
            embedded_image("image/gif", animation, "the episode from state to state");
  }
  body += "<h2>Configuration</h2>\n<details><summary>config.yaml</summary>" +
          preformatted(text_of(folder / "config.yaml")) + "</details>\n";
  return html_page("Run " + fs::absolute(folder).lexically_normal().filename().string(), body);
}

}  // namespace frost
