#pragma once

#include <functional>
#include <vector>

#include "rl/environment.h"

namespace frost {

/// One recorded step: what was seen, and what followed.
struct RecordedStep {
  Observation observation;
  StepResult result;
  std::vector<std::string> state = {};  ///< `Environment::state_row` of what was seen
};

/// Steps of one environment, whatever its policy was.
struct RecordedEpisodes {
  EnvironmentSpec spec;
  std::vector<RecordedStep> steps;
};

/// `steps` steps under the environment's reference policy, or under random actions where it has
/// none; the last one ends an episode.
RecordedEpisodes record_episodes(Environment& environment, int steps, RandomStream& seeds);

/// The same under `act`, of what `observe` sees, as `spec` says.
RecordedEpisodes record_episodes(Environment& environment, EnvironmentSpec spec, int steps,
                                 RandomStream& seeds, const std::function<Observation()>& observe,
                                 const std::function<Action()>& act);

/// Plays what was recorded round and round, whatever the actions: work that depends on no policy.
/// Outlived by the record.
class ReplayEnvironment : public Environment {
 public:
  explicit ReplayEnvironment(const RecordedEpisodes& record)
      : Environment(record.spec), record_(record) {}

  void reset(std::uint64_t) override { steps_ = 0; }
  /// Throws Error if the number of decisions or values is wrong.
  StepResult step(const Action& action) override;
  Observation observe() const override { return record_.steps[next_].observation; }
  int episode_steps() const override { return steps_; }
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& state) override;

 private:
  const RecordedEpisodes& record_;
  std::size_t next_ = 0;
  int steps_ = 0;
};

/// Factories of replays, one record after the other.
EnvironmentFactory replay_factory(const std::vector<RecordedEpisodes>& records);

}  // namespace frost
