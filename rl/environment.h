#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "models/observation.h"
#include "rl/action_space.h"

namespace frost {

/// Reward components, in the order of the critic's value heads; `kTotal` is what the agent earns.
enum RewardComponent { kTotal, kGraph, kSpawn, kDelete, kEdge, kNode, kRewardComponents };
using RewardVector = std::array<double, kRewardComponents>;

/// Per-cell decisions of the discrete head.
enum Decision : std::int32_t { kSpawnCell = 0, kDeleteCell = 1 };

/// What a policy does in one state; rows as the environment's ActionSpace says.
struct Action {
  std::vector<std::int32_t> decisions;  ///< [rows]; empty without a discrete part
  std::vector<float> parameters;        ///< [rows, dims] executed values; empty without any
};

/// Why an episode ended; docs/durotaxis.md, "Termination".
enum class TerminationCase : int {
  kRunning = 0,
  kTooManyNodes = 1,
  kNoNodes = 2,
  kOutOfBounds = 3,
  kLeftwardDrift = 4,
  kSuccess = 5,
  kTimeLimit = 6,
  kOther = 7,  ///< the end of another environment's episode
};

/// Result of one step, in Gymnasium's terms.
struct StepResult {
  RewardVector reward{};
  bool terminated = false;  ///< the MDP ended: no bootstrap
  bool truncated = false;   ///< the time limit cut the episode: bootstrap from the final state
  TerminationCase termination_case = TerminationCase::kRunning;
  int population = 0;  ///< cells after the step

  bool done() const { return terminated || truncated; }
  bool success() const { return termination_case == TerminationCase::kSuccess; }
};

/// One episode-generating process; `reset` then `step` until `done()`.
class Environment {
 public:
  virtual ~Environment() = default;

  /// Starts an episode; the layout is a pure function of `episode_seed`.
  virtual void reset(std::uint64_t episode_seed) = 0;
  virtual ActionSpace action_space() const = 0;
  /// Applies exactly the given action. Throws Error if it does not fit the action space.
  virtual StepResult step(const Action& action) = 0;
  /// The observation of the current state; pure, may be called any number of times.
  virtual Observation observe() const = 0;
  /// How far the colony has come, in [0, 1]: final centroid over goal.
  virtual double progress() const = 0;
  virtual int episode_steps() const = 0;

  /// Writes or restores everything the next `step` depends on, mid-episode included, as bytes.
  virtual std::vector<std::uint8_t> save_state() const = 0;
  virtual void load_state(const std::vector<std::uint8_t>& state) = 0;
};

using EnvironmentFactory = std::function<std::unique_ptr<Environment>()>;

}  // namespace frost
