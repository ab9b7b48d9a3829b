#include "tools/runs/table_writer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "tools/reports/csv_rows.h"
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

}  // namespace

TableWriter::TableWriter(const fs::path& run, std::int64_t updates, std::int64_t global_step)
    : path_(run), board_(rewound(run, updates, global_step)) {}

void TableWriter::append(const char* file, const std::vector<Row>& rows) const {
  if (rows.empty()) return;
  const fs::path table = path_ / file;
  const auto line_of = [](const Row& row, const auto& cell) {
    std::string line;
    for (const auto& entry : row) line += (line.empty() ? "" : ",") + cell(entry);
    return line + "\n";
  };
  std::string text;
  if (!fs::exists(table)) {
    text = line_of(rows.front(), [](const auto& entry) { return entry.first; });
  }
  for (const Row& row : rows) {
    text += line_of(row, [](const auto& entry) {
      return std::isnan(entry.second) ? std::string() : fmt::format("{}", entry.second);
    });
  }
  std::ofstream out(table, std::ios::app);
  if (!(out << text).flush()) {
    throw Error(fmt::format("cannot write {}: {}", table.string(), std::strerror(errno)));
  }
}

void TableWriter::log_update(const Metrics& metrics) {
  append("metrics.csv", {metrics.values()});
  board_.add_scalars(static_cast<std::int64_t>(metrics.at("charts/global_step")), metrics.values());
}

void TableWriter::log_timing(std::int64_t update, std::int64_t steps, const UpdateTiming& timing,
                             const MemoryLedger::Bytes& memory) const {
  const StepRates rates = step_rates(static_cast<double>(steps), timing);
  Row row = {{"charts/update", static_cast<double>(update)},
             {"time/collect_seconds", timing.collect_seconds},
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

void TableWriter::log_evaluation(std::int64_t update, const EvaluationResult& result) const {
  append("evaluations.csv", {{{"update", static_cast<double>(update)},
                              {"eval/success_rate", result.success_rate()},
                              {"eval/progress", result.mean_progress()},
                              {"eval/return", result.mean_return()},
                              {"eval/steps", result.mean_steps()},
                              {"eval/median_success_steps", result.median_success_steps()}}});
}

}  // namespace frost
