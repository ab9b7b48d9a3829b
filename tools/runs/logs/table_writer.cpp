#include "tools/runs/logs/table_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "tools/reports/csv.h"
#include "tools/reports/csv_rows.h"
#include "tools/reports/intervals.h"
#include "tools/runs/step_rates.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTables[] = {"metrics.csv", "timing.csv", "episodes.csv", "evaluations.csv"};

/// Drops what is later than the state that a run goes on from; returns the folder.
const fs::path& rewound(const fs::path& run, std::int64_t updates, std::int64_t global_step) {
  for (const char* table : kTables) drop_rows_after(run / table, updates);
  drop_events_after(run, global_step);
  return run;
}

/// The columns that a table has; empty where there is none.
std::vector<std::string> header_of(const fs::path& table) {
  std::ifstream in(table);
  std::string line;
  return std::getline(in, line) ? split_csv_line(line) : std::vector<std::string>();
}

/// A run that an earlier version began keeps the columns of that.
std::string line_of(const std::vector<std::pair<std::string, double>>& row,
                    const std::vector<std::string>& columns) {
  std::string line;
  std::size_t next = 0;  // mostly both are in the same order
  for (const std::string& column : columns) {
    if (next == row.size() || row[next].first != column) {
      const auto found = std::find_if(row.begin(), row.end(),
                                      [&](const auto& entry) { return entry.first == column; });
      next = static_cast<std::size_t>(found - row.begin());
    }
    const bool known = next < row.size() && !std::isnan(row[next].second);
    if (&column != &columns.front()) line += ',';
    if (known) line += fmt::format("{}", row[next].second);
    next = std::min(next + 1, row.size());
  }
  return line + "\n";
}

}  // namespace

TableWriter::TableWriter(const fs::path& run, std::int64_t updates, std::int64_t global_step)
    : path_(run), board_(rewound(run, updates, global_step)), global_step_(global_step) {}

void TableWriter::append(const char* file, const std::vector<Row>& rows) const {
  if (rows.empty()) return;
  const fs::path table = path_ / file;
  std::vector<std::string> columns = header_of(table);
  const bool begins = columns.empty();
  if (begins) {
    for (const auto& [name, value] : rows.front()) columns.push_back(name);
  }
  std::string text = begins ? fmt::format("{}\n", fmt::join(columns, ",")) : "";
  for (const Row& row : rows) text += line_of(row, columns);
  std::ofstream out(table, std::ios::app);
  if (!(out << text).flush()) {
    throw Error(fmt::format("cannot write {}: {}", table.string(), std::strerror(errno)));
  }
}

void TableWriter::log_update(const Metrics& metrics) {
  append("metrics.csv", {metrics.values()});
  global_step_ = static_cast<std::int64_t>(metrics.at("charts/global_step"));
  board_.add_scalars(global_step_, metrics.values());
}

void TableWriter::log_timing(std::int64_t update, std::int64_t steps, const UpdateTiming& timing,
                             const MemoryLedger::Bytes& memory) {
  const StepRates rates = step_rates(static_cast<double>(steps), timing);
  Row row = {{"time/collect_seconds", timing.collect_seconds},
             {"time/learn_seconds", timing.learn_seconds},
             {"charts/SPS", rates.overall},
             {"charts/collect_SPS", rates.collect},
             {"charts/learn_SPS", rates.update}};
  for (std::size_t i = 0; i < kMemoryTags; ++i) {
    const std::string tag = kMemoryTagNames[i];
    row.emplace_back("memory/" + tag, static_cast<double>(memory.live[i]));
    row.emplace_back("memory_peak/" + tag, static_cast<double>(memory.peak[i]));
  }
  row.emplace_back("memory_peak/total", static_cast<double>(memory.peak_total));
  board_.add_scalars(global_step_, row);
  row.emplace(row.begin(), "charts/update", static_cast<double>(update));
  append("timing.csv", {row});
}

void TableWriter::log_episodes(std::int64_t update,
                               const std::vector<EpisodeRecord>& episodes) const {
  std::vector<Row> rows;
  for (const EpisodeRecord& e : episodes) {
    rows.push_back({{"update", static_cast<double>(update)},
                    {"environment", e.environment},
                    {"episode", static_cast<double>(e.episode)},
                    {"steps", e.steps},
                    {"return", e.episode_return},
                    {"progress", e.progress},
                    {"termination_case", static_cast<double>(e.ending)},
                    {"success", e.success ? 1.0 : 0.0}});
  }
  append("episodes.csv", rows);
}

void TableWriter::log_evaluation(std::int64_t update, const EvaluationResult& result) {
  const auto of_episodes = [&](const auto& value) {
    std::vector<double> values;
    for (const EpisodeRecord& e : result.episodes) values.push_back(value(e));
    return values;
  };
  Row row = {{"eval/episodes", static_cast<double>(result.episodes.size())},
             {"eval/success_rate", result.success_rate()},
             {"eval/progress", result.mean_progress()},
             {"eval/return", result.mean_return()},
             {"eval/steps", result.mean_steps()},
             {"eval/median_success_steps", result.median_success_steps()}};
  const auto add = [&](const std::string& name, const MeanInterval& interval) {
    row.emplace_back(name + "_low", interval.low);
    row.emplace_back(name + "_high", interval.high);
  };
  add("eval/success_rate",
      share_interval(of_episodes([](const EpisodeRecord& e) { return e.success ? 1.0 : 0.0; }), 1));
  add("eval/progress",
      share_interval(of_episodes([](const EpisodeRecord& e) { return e.progress; }), 1));
  add("eval/return",
      mean_interval(of_episodes([](const EpisodeRecord& e) { return e.episode_return; })));
  add("eval/steps",
      mean_interval(of_episodes([](const EpisodeRecord& e) { return 1.0 * e.steps; })));
  board_.add_scalars(global_step_, row);
  row.emplace(row.begin(), "update", static_cast<double>(update));
  append("evaluations.csv", {row});
}

}  // namespace frost
