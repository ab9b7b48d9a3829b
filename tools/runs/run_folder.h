#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "rl/evaluator.h"
#include "rl/metrics.h"
#include "rl/ppo/ppo.h"
#include "tools/reports/tensorboard.h"

namespace frost {

/// The folder a run leaves behind (README, "What a run leaves behind"). Tables are append-only CSV;
/// `metrics.csv` holds no wall-clock value, so that equal runs compare equal.
class RunFolder {
 public:
  /// Creates `path`; throws Error if it already holds a run.
  static RunFolder create(const std::filesystem::path& path);
  /// The next free four-digit folder under `parent`.
  static std::filesystem::path next_free(const std::filesystem::path& parent);
  /// Opens an existing run and drops what was logged after `updates` updates.
  static RunFolder reopen(const std::filesystem::path& path, std::int64_t updates);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last_checkpoint() const { return path_ / "checkpoints/last.safetensors"; }
  std::filesystem::path best_checkpoint() const { return path_ / "checkpoints/best.safetensors"; }

  void write_config(const std::string& yaml) const;
  void write_status(const std::vector<std::pair<std::string, std::string>>& fields) const;
  /// report.html, from what the run has left so far; `summary` stands above its curves,
  /// the GIF `animation` below.
  void write_report(const std::string& summary, const std::string& animation) const;
  /// One row of metrics.csv, and the same scalars for TensorBoard at the global step.
  void log_update(const Metrics& metrics);
  /// Seconds and rates of the update, and live and peak bytes per memory tag.
  void log_timing(std::int64_t update, std::int64_t steps, const UpdateTiming& timing,
                  const MemoryLedger::Bytes& memory) const;
  void log_episodes(std::int64_t update, const std::vector<EpisodeRecord>& episodes) const;
  void log_evaluation(std::int64_t update, const EvaluationResult& result) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)), board_(path_) {}

  using Row = std::vector<std::pair<std::string, double>>;
  void append(const char* file, const std::vector<Row>& rows) const;

  std::filesystem::path path_;
  TensorboardWriter board_;
};

/// The checkpoint `which` ("best" or "last") of the run at `run`; with `which` empty the best where
/// there is one, else the last. Throws Error where there is neither.
std::filesystem::path find_checkpoint(const std::filesystem::path& run, const std::string& which);

}  // namespace frost
