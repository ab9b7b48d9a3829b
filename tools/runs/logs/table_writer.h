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

/// Writes the tables of a run and its scalars for TensorBoard.
///
/// Tables are append-only CSV; `metrics.csv` holds no wall-clock value, so that equal runs compare
/// equal. A value that is NaN is an empty field, and no scalar.
class TableWriter {
 public:
  /// Goes on with the tables in `run` after so many updates and steps: what was logged later, by a
  /// process that was killed, is dropped.
  TableWriter(const std::filesystem::path& run, std::int64_t updates, std::int64_t global_step);

  /// One row of metrics.csv, and the same scalars for TensorBoard at the global step.
  void log_update(const Metrics& metrics);
  /// For TensorBoard too: seconds and rates of the update, and live and peak bytes per memory tag:
  /// the device's, but for rollouts, which the host holds and the total of a GPU does not.
  void log_timing(std::int64_t update, std::int64_t steps, const UpdateTiming& timing,
                  const MemoryLedger::Bytes& memory);
  void log_episodes(std::int64_t update, const std::vector<EpisodeRecord>& episodes) const;
  /// Means over the episodes, and 95 % confidence intervals of these; for TensorBoard too.
  void log_evaluation(std::int64_t update, const EvaluationResult& result);
  /// For what is no table.
  TensorboardWriter& board() { return board_; }

 private:
  using Row = std::vector<std::pair<std::string, double>>;
  void append(const char* file, const std::vector<Row>& rows) const;

  std::filesystem::path path_;
  TensorboardWriter board_;
  std::int64_t global_step_;  ///< of the last update that was logged
};

}  // namespace frost
