#include "tools/runs/run_folder.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "tools/reports/csv_rows.h"
#include "tools/reports/run_report.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTables[] = {"metrics.csv", "timing.csv", "episodes.csv", "evaluations.csv"};

}  // namespace

RunFolder RunFolder::create(const fs::path& path) {
  if (fs::exists(path / "metrics.csv") || fs::exists(path / "checkpoints")) {
    throw Error(path.string() + " already holds a run: choose another --out, or --resume it");
  }
  std::error_code error;
  fs::create_directories(path / "checkpoints", error);
  if (error) throw Error("cannot create " + path.string() + ": " + error.message());
  return RunFolder(path);
}

fs::path RunFolder::next_free(const fs::path& parent) {
  int number = 1;
  while (fs::exists(parent / fmt::format("{:04}", number))) ++number;
  return parent / fmt::format("{:04}", number);
}

RunFolder RunFolder::reopen(const fs::path& path, std::int64_t updates) {
  for (const char* table : kTables) drop_rows_after(path / table, updates);
  return RunFolder(path);
}

void RunFolder::write_config(const std::string& yaml) const {
  write_file_atomically(path_ / "config.yaml", yaml);
}

void RunFolder::write_status(const std::vector<std::pair<std::string, std::string>>& fields) const {
  nlohmann::ordered_json json;
  for (const auto& [key, value] : fields) json[key] = value;
  write_file_atomically(path_ / "run.json", json.dump(2) + "\n");
}

void RunFolder::write_report(const std::string& summary, const std::string& animation) const {
  write_file_atomically(path_ / "report.html", run_report_html(path_, summary, animation));
}

void RunFolder::append(const char* file, const std::vector<Row>& rows) const {
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
    text += line_of(row, [](const auto& entry) { return fmt::format("{}", entry.second); });
  }
  std::ofstream out(table, std::ios::app);
  if (!(out << text).flush()) throw Error("cannot write " + table.string());
}

void RunFolder::log_update(const Metrics& metrics) {
  append("metrics.csv", {metrics.values()});
  board_.add_scalars(static_cast<std::int64_t>(metrics.at("charts/global_step")), metrics.values());
}

void RunFolder::log_timing(std::int64_t update, std::int64_t steps, const UpdateTiming& timing,
                           const MemoryLedger::Bytes& memory) const {
  const double total = timing.collect_seconds + timing.learn_seconds;
  const auto rate = [&](double seconds) { return static_cast<double>(steps) / seconds; };
  Row row = {{"charts/update", static_cast<double>(update)},
             {"time/collect_seconds", timing.collect_seconds},
             {"time/learn_seconds", timing.learn_seconds},
             {"charts/SPS", rate(total)},
             {"charts/collect_SPS", rate(timing.collect_seconds)},
             {"charts/learn_SPS", rate(timing.learn_seconds)}};
  for (std::size_t i = 0; i < kMemoryTags; ++i) {
    const std::string tag = kMemoryTagNames[i];
    row.emplace_back("memory/" + tag, static_cast<double>(memory.live[i]));
    row.emplace_back("memory_peak/" + tag, static_cast<double>(memory.peak[i]));
  }
  row.emplace_back("memory_peak/total", static_cast<double>(memory.peak_total));
  append("timing.csv", {row});
}

void RunFolder::log_episodes(std::int64_t update,
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

void RunFolder::log_evaluation(std::int64_t update, const EvaluationResult& result) const {
  append("evaluations.csv", {{{"update", static_cast<double>(update)},
                              {"eval/success_rate", result.success_rate()},
                              {"eval/progress", result.mean_progress()},
                              {"eval/return", result.mean_return()},
                              {"eval/steps", result.mean_steps()},
                              {"eval/median_success_steps", result.median_success_steps()}}});
}

fs::path find_checkpoint(const fs::path& run, const std::string& which) {
  const fs::path folder = run / "checkpoints";
  const fs::path best = folder / "best.safetensors", last = folder / "last.safetensors";
  if (!which.empty()) return which == "best" ? best : last;
  if (fs::exists(best) || fs::exists(last)) return fs::exists(best) ? best : last;
  throw Error(folder.string() +
              " holds neither best.safetensors nor last.safetensors: give the folder of a run");
}

}  // namespace frost
