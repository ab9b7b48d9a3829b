#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/actor_critic_config.h"
#include "rl/environment.h"
#include "rl/envs/durotaxis/config.h"

namespace frost {

/// What every row of the freeze benchmark does; recorded once, so that no row depends on a policy.
struct BenchWorkload {
  int environments = 8;
  int steps = 512;  ///< transitions of one update, over all environments
  int epochs = 4;
  int minibatch = 64;  ///< states
  int cells = 20;      ///< of every colony
  int image_size = 84;
  int repetitions = 3;

  std::string text() const;
};

/// One step of a recorded colony: what was seen, both ways, and what followed.
struct RecordedStep {
  GraphObservation graph;
  ImageObservation image;
  StepResult result;
};
using Recording = std::vector<RecordedStep>;

/// The recorded colony: `base` on the linear field m = 0.05, starting with `cells`.
DurotaxisConfig bench_colony(const BenchWorkload& workload, DurotaxisConfig base = {});

/// One recording per environment, of `steps / environments` steps on the linear field m = 0.05:
/// colonies that half_delete keeps at `cells` (even), ending as if terminated, so that they can be
/// replayed again and again.
std::vector<Recording> record_colonies(const BenchWorkload& workload, std::uint64_t seed,
                                       const DurotaxisConfig& base = {});

/// Writes the recordings as safetensors, states in order [environment, time], for other programs to
/// do the same work (bench/pytorch).
void write_recordings(const std::string& path, const std::vector<Recording>& recordings,
                      const BenchWorkload& workload);

/// Plays a recording round and round, whatever the actions. Outlived by the recording.
class ReplayEnvironment : public Environment {
 public:
  ReplayEnvironment(const Recording& recording, ObservationKind kind,
                    const SpawnPolicyConfig& spawn = {})
      : recording_(recording), kind_(kind), spawn_(spawn) {}

  void reset(std::uint64_t) override { steps_ = 0; }
  /// That of the recorded colony, seen as `kind`, with spawn parameters chosen as `spawn` says.
  ActionSpace action_space() const override;
  /// Throws Error if the number of decisions or values is wrong.
  StepResult step(const Action& action) override;
  Observation observe() const override;
  double progress() const override { return 0; }
  int episode_steps() const override { return steps_; }
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& state) override;

 private:
  const Recording& recording_;
  ObservationKind kind_;
  SpawnPolicyConfig spawn_;
  std::size_t next_ = 0;
  int steps_ = 0;
};

/// Factories of replays, one recording after the other.
EnvironmentFactory replay_factory(const std::vector<Recording>& recordings, ObservationKind kind,
                                  const SpawnPolicyConfig& spawn = {});

}  // namespace frost
