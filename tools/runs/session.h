#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/errors.h"
#include "rl/metrics.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop_signals.h"
#include "tools/runs/logs/table_writer.h"
#include "tools/runs/run.h"
#include "tools/runs/step_rates.h"
#include "tools/runs/trainer.h"

namespace frost {

/// The updates that one process does of a run, and what they leave in its folder.
class Session {
 public:
  /// All must outlive this object. Of several processes only rank 0 has a run to write, all others
  /// null.
  Session(Trainer& trainer, const Run* run, const StopSignals& signals, bool quiet);

  /// Updates until `last` are done or a signal asks to end, logging, evaluating and saving as
  /// configured, and a checkpoint at the end. Throws Error naming the update and what was wrong in
  /// it; a value that is not finite leaves a state for `train --replay`.
  void train(std::int64_t last);

  /// run.json and report.html of a session that ended in good order; `summary` heads the report.
  void finish(const std::string& summary);

  /// The signal that ended it; 0 where none did.
  int signal() const { return signal_; }

 private:
  /// Whether a signal has come, here or in another process: the same answer in all.
  bool interrupted();
  bool due(int every) const;
  /// Writes the state in which a number was not finite, finds out whose it was, and says both.
  std::string leave_failure(bool within_update) const;
  void mark_failed() const;
  void log(const Metrics& metrics);
  /// Once, by what has been done: how long the updates until `last` will take, and what they hold.
  void log_forecast(std::int64_t last);
  Progress::Shown shown_of(const Metrics& metrics) const;
  void evaluate();
  /// Gathers a checkpoint and writes it; returns when it is written.
  void write(void (Run::*to)(const SafetensorsFile&) const) const;
  void write_status(const char* state) const;
  /// "all, layer4.1 after update 8", as the schedule has them; empty where there are no bodies.
  std::string freeze_modes() const;

  Trainer& trainer_;
  const Run* run_;
  const StopSignals& signals_;
  bool quiet_;
  int signal_ = 0;
  std::optional<TableWriter> tables_;
  SpeedMeter meter_;
};

}  // namespace frost
