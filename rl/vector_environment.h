#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/state_dict.h"
#include "rl/environment.h"

namespace frost {

/// A finished episode.
struct EpisodeRecord {
  int environment = 0;
  std::int64_t episode = 0;  ///< number of the episode in its environment
  int steps = 0;
  double episode_return = 0;
  double progress = 0;
  int ending = 0;  ///< its code in `EnvironmentSpec::endings`
  bool success = false;
};

/// By environment, then by time.
void sort_by_environment(std::vector<EpisodeRecord>& episodes);

/// What one environment did in one vector step.
struct VectorStep {
  StepResult result;
  /// The state an episode was cut in, for its bootstrap; empty unless truncated.
  Observation final_observation;
};

/// Several environments stepped together, each reset as soon as its episode ends.
///
/// Episode k of environment i starts from a seed that depends on (seed, i, k) alone.
class VectorEnvironment {
 public:
  /// `first` is the number of the first of them, where others are in other processes. Throws Error
  /// where what an environment says of itself does not fit together.
  VectorEnvironment(const EnvironmentFactory& make, int count, std::uint64_t seed, int first = 0);

  /// What each of them says of itself.
  const EnvironmentSpec& spec() const { return slots_.front().environment->spec(); }
  const Environment& environment(int index) const {
    return *slots_.at(static_cast<std::size_t>(index)).environment;
  }
  int size() const { return static_cast<int>(slots_.size()); }
  int first() const { return first_; }
  /// The current observations; valid until the next `step` or `load`.
  std::vector<const Observation*> observations() const;
  /// Steps all environments in parallel, then resets those that are done. Throws Error unless there
  /// is an action for each.
  std::vector<VectorStep> step(const std::vector<Action>& actions);
  /// Episodes finished since the last call, in order of environment and time.
  std::vector<EpisodeRecord> take_finished();

  void save(StateDict& state) const;
  /// Goes on where `save` was; in environments that do not resume exactly, with new episodes.
  void load(const StateDict& state);

 private:
  struct Slot {
    std::unique_ptr<Environment> environment;
    Observation observation;
    std::int64_t episode = 0;
    double episode_return = 0;
  };

  std::vector<int> all_indices() const;
  std::uint64_t episode_seed(int index) const;
  /// Starts an episode in each of them, side by side where they can.
  void start_episodes(const std::vector<int>& indices);

  std::string key(std::size_t index, const char* what) const;

  std::uint64_t seed_;
  int first_;
  std::vector<Slot> slots_;
  std::vector<EpisodeRecord> finished_;
};

}  // namespace frost
