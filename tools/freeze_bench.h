#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/memory.h"
#include "rl/environment.h"
#include "tools/config.h"

namespace frost {

/// What every row of the benchmark does; recorded once, so that no row depends on a policy.
struct BenchWorkload {
  int environments = 8;
  int steps = 512;  ///< transitions of one update, over all environments
  int epochs = 4;
  int minibatch = 64;  ///< states
  int cells = 20;      ///< of every colony
  int repetitions = 3;

  std::string text() const;
};

/// One step of a recorded colony: what was seen and what followed.
struct RecordedStep {
  GraphObservation observation;
  StepResult result;
};
using Recording = std::vector<RecordedStep>;

/// One recording per environment, of `steps / environments` steps on the linear field m = 0.05:
/// colonies that half_delete keeps at `cells` (even), ending as if terminated, so that they can be
/// replayed again and again.
std::vector<Recording> record_colonies(const BenchWorkload& workload, std::uint64_t seed);

/// Plays a recording round and round, whatever the actions. Outlived by the recording.
class ReplayEnvironment : public Environment {
 public:
  explicit ReplayEnvironment(const Recording& recording) : recording_(recording) {}

  void reset(std::uint64_t) override { steps_ = 0; }
  /// Throws Error if the number of decisions is wrong.
  StepResult step(const JointAction& action) override;
  GraphObservation observe() const override { return recording_[next_].observation; }
  double progress() const override { return 0; }
  int episode_steps() const override { return steps_; }
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& state) override;

 private:
  const Recording& recording_;
  std::size_t next_ = 0;
  int steps_ = 0;
};

/// Transitions per second of wall-clock time: collected, learned from, and both in turn.
struct StepRates {
  double collect = 0, update = 0, overall = 0;
};

/// What one freeze mode costs.
struct BenchRow {
  std::string mode;
  std::int64_t trainable = 0, frozen = 0;
  MemoryLedger::Bytes bytes;  ///< peaks of one update
  double saved_body = 0;      ///< bytes one body keeps per token
  std::vector<StepRates> runs;

  StepRates median() const;
  StepRates least() const;
  StepRates most() const;
  /// Gradients 4 and moments 8 bytes per trainable parameter, to the byte.
  bool exact() const;
};

/// The rows of the freeze table without aliases.
std::vector<std::string> distinct_freeze_modes();

/// Real PPO updates for every mode, on the network `config` describes. Repetitions go round the
/// modes, so that a change of the machine's speed meets all of them; each begins with a fresh
/// network and one untimed minibatch. `tell` receives a line per measurement.
std::vector<BenchRow> bench_freeze(const Config& config, const std::vector<std::string>& modes,
                                   const BenchWorkload& workload,
                                   const std::function<void(const std::string&)>& tell);

/// The table for the eye; rates are medians, followed by their range.
std::string bench_table(const std::vector<BenchRow>& rows);
/// The same for programs.
std::string bench_json(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device);

}  // namespace frost
