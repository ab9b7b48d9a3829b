#include "tools/reports/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/reports/html.h"
#include "tools/reports/pages/panels_html.h"
#include "tools/reports/parameter_report.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

using Facts = std::vector<std::pair<std::string, std::string>>;

/// "361.3 [340.2, 382.4]" of a column of the evaluations; "-" where it has no value.
std::string interval_cell(const CsvTable& table, const std::string& column, std::size_t row) {
  const auto value = [&](const std::string& name) {
    return table.has(name) ? table.number(name, row) : std::nan("");
  };
  const double mean = value(column), low = value(column + "_low"), high = value(column + "_high");
  if (std::isnan(mean)) return "-";
  if (std::isnan(low)) return fmt::format("{:.4g}", mean);
  return fmt::format("{:.4g} [{:.4g}, {:.4g}]", mean, low, high);
}

std::vector<std::pair<std::string, std::string>> evaluated_columns(const RunTables& run) {
  std::vector<std::pair<std::string, std::string>> columns = {{"eval/return", "return"},
                                                              {"eval/steps", "steps per episode"}};
  if (!run.has_goal()) return columns;
  columns.insert(columns.end(), {{"eval/success_rate", "success rate"},
                                 {"eval/progress", "progress to the goal"},
                                 {"eval/median_success_steps", "median success, steps"}});
  return columns;
}

/// What is in run.json, in the words of a page, and what the tables say of the whole run.
Facts facts_of(const fs::path& folder, const RunTables& run) {
  Facts facts;
  for (const auto& [name, value] : read_run_facts(folder)) {
    if (name == "has_goal") continue;
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    facts.emplace_back(words, value);
  }
  if (run.empty()) return facts;
  const RunTables::Places places = run.places(RunTables::kMetrics);
  if (!places.steps.empty()) {
    facts.emplace_back("training", fmt::format("{} environment steps in {:.1f} seconds",
                                               with_thousands(std::llround(places.steps.back())),
                                               places.seconds.back()));
  }
  const std::optional<CsvTable>& evaluations = run.table(RunTables::kEvaluations);
  if (!evaluations || evaluations->rows() == 0) return facts;
  for (const auto& [column, words] : evaluated_columns(run)) {
    facts.emplace_back("last evaluation, " + words,
                       interval_cell(*evaluations, column, evaluations->rows() - 1));
  }
  return facts;
}

std::string evaluations_html(const RunTables& run) {
  const std::optional<CsvTable>& table = run.table(RunTables::kEvaluations);
  if (!table || table->rows() == 0) return "";
  const auto columns = evaluated_columns(run);
  std::string html = "<tr><th>update</th><th>steps</th>";
  if (table->has("eval/episodes")) html += "<th>episodes</th>";
  for (const auto& [column, words] : columns) html += "<th>" + words + "</th>";
  const RunTables::Places places = run.places(RunTables::kEvaluations);
  for (std::size_t row = 0; row < table->rows(); ++row) {
    html += fmt::format("</tr>\n<tr><td>{:g}</td><td>{:.0f}</td>", places.update[row],
                        places.steps[row]);
    if (table->has("eval/episodes")) {
      html += fmt::format("<td>{:g}</td>", table->number("eval/episodes", row));
    }
    for (const auto& [column, words] : columns) {
      html += "<td>" + interval_cell(*table, column, row) + "</td>";
    }
  }
  return "<h2>Evaluations on held-out episodes</h2>\n<p>The sampled policy; means, and in brackets "
         "95 % confidence intervals over the episodes.</p>\n<details><summary>all of them</summary>"
         "<div class=scroll tabindex=0><table>" +
         html + "</tr>\n</table></div></details>\n";
}

std::string preformatted(const std::string& text) {
  return text.empty() ? "" : "<pre tabindex=0>" + html_escape(text) + "</pre>\n";
}

std::string folder_name(const fs::path& folder) {
  return fs::absolute(folder / ".").lexically_normal().parent_path().filename().string();
}

/// The names of the folders, or where two have one, their paths.
std::vector<std::string> run_names(const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const fs::path& folder : folders) names.push_back(folder_name(folder));
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) return names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = folders[i].string();
  return names;
}

}  // namespace

std::string run_report_html(const fs::path& folder, const std::string& summary,
                            const std::string& animation) {
  const std::string name = folder_name(folder);
  std::vector<RunTables> runs;
  runs.emplace_back(folder, name);
  const RunTables& run = runs.front();
  std::string body = facts_html({name}, {facts_of(folder, run)}) + preformatted(summary);
  // A run that is stopped before its first update is done has no tables.
  body += run.empty() ? "<p>No update is done yet.</p>\n"
                      : panels_html(run_panels(runs), runs) + evaluations_html(run);
  if (!animation.empty()) {
    body += "<h2>A held-out episode of the last policy</h2>\n" +
            embedded_image("image/gif", animation, "the episode from state to state");
  }
  body += "<h2>Configuration</h2>\n<details><summary>config.yaml</summary>" +
          preformatted(read_run_file(folder / "config.yaml")) + "</details>\n";
  return html_page("Run " + name, body);
}

std::string comparison_html(const std::vector<fs::path>& folders,
                            const std::vector<ComparisonRow>& settings) {
  const std::vector<std::string> names = run_names(folders);
  std::vector<RunTables> runs;
  std::vector<Facts> facts, differences(folders.size());
  for (std::size_t i = 0; i < folders.size(); ++i) {
    runs.emplace_back(folders[i], names[i]);
    facts.push_back(facts_of(folders[i], runs.back()));
    for (const ComparisonRow& row : settings) differences[i].emplace_back(row.name, row.values[i]);
  }
  std::string body = facts_html(names, facts) + "<h2>Settings that differ</h2>\n";
  body += settings.empty() ? "<p>None.</p>\n" : facts_html(names, differences);
  const std::vector<PanelGroup> groups = run_panels(runs);
  body += groups.empty() ? "<p>No update is done yet.</p>\n" : panels_html(groups, runs);
  return html_page(fmt::format("{} runs compared", names.size()), body);
}

}  // namespace frost
