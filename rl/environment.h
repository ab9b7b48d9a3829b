#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/rgb_image.h"
#include "engine/random.h"
#include "models/observation.h"
#include "rl/environment_spec.h"

namespace frost {

struct Appearance;

/// What a step earned, by `EnvironmentSpec::reward_names`; [kTotal] is the agent's reward.
using RewardVector = std::vector<double>;
inline constexpr std::size_t kTotal = 0;

/// What a policy does in one state; rows as the environment's ActionSpace says.
struct Action {
  std::vector<std::int32_t> decisions;  ///< [rows]; empty without a discrete part
  std::vector<float> parameters;        ///< [rows, dims] executed values; empty without any
};

/// Result of one step, in Gymnasium's terms.
struct StepResult {
  RewardVector reward;
  bool terminated = false;  ///< the MDP ended: no bootstrap
  bool truncated = false;   ///< the time limit cut the episode: bootstrap from the final state
  bool success = false;     ///< the episode ended at its goal
  /// Code of the ending (`EnvironmentSpec::endings`); 0 while running, or where `ending_code` of a
  /// time limit or a plain end is meant.
  int ending = 0;
  int size = 0;  ///< of the state reached, in `EnvironmentSpec::size_unit`

  bool done() const { return terminated || truncated; }
  int ending_code() const {
    if (ending != 0 || !done()) return ending;
    return terminated ? EnvironmentSpec::kTerminated : EnvironmentSpec::kTimeLimit;
  }
};

/// What is written on a picture of a state.
struct RenderRequest {
  const Action* action = nullptr;  ///< about to be executed; null: none
  std::string title;
  double episode_return = 0;  ///< so far
};

/// One episode-generating process; `reset` then `step` until `done()`.
///
/// A new environment implements `reset`, `step`, `observe` and `episode_steps`, and both state
/// functions where runs are to be resumed. One thread at a time uses an object.
class Environment {
 public:
  explicit Environment(EnvironmentSpec spec) : spec_(std::move(spec)) {}
  virtual ~Environment() = default;

  const EnvironmentSpec& spec() const { return spec_; }

  /// Starts an episode; the layout is a pure function of `episode_seed`.
  virtual void reset(std::uint64_t episode_seed) = 0;
  /// Applies exactly the given action. Throws Error if it does not fit the action space.
  virtual StepResult step(const Action& action) = 0;
  /// Begins what the next call, `reset` or `step` with the same argument, finishes, so that
  /// environments of other processes work side by side; `observe` comes after that call. By default
  /// nothing is begun.
  virtual void begin_reset(std::uint64_t) {}
  virtual void begin_step(const Action&) {}
  /// The observation of the current state; pure, may be called any number of times.
  virtual Observation observe() const = 0;
  virtual int episode_steps() const = 0;
  /// How far the episode has come, in [0, 1]; 1 is the goal.
  virtual double progress() const { return 0; }

  /// Writes or restores everything the next `step` depends on, mid-episode included, as bytes.
  /// By default Error: a run in such an environment cannot be checkpointed.
  virtual std::vector<std::uint8_t> save_state() const;
  virtual void load_state(const std::vector<std::uint8_t>& state);

  /// Truncates episodes after so many steps, from now on. Throws UsageError where the time limit is
  /// part of what the environment is, as it is by default.
  virtual void limit_time(int steps);

  /// Changes colours, background and camera from now on. Throws Error unless
  /// `spec().has_appearance`.
  virtual void set_appearance(const Appearance& appearance);

  /// What one of `spec().scripted_policies` does now. Throws UsageError for another name.
  virtual Action scripted_action(const std::string& policy, RandomStream& stream) const;
  /// The current state as a picture for people. Throws Error unless `spec().renders`.
  virtual RgbImage render(const RenderRequest& request) const;

  /// The current state, and what the last step's reward was made of, as CSV fields under
  /// `spec().state_columns` and `reward_columns`.
  virtual std::vector<std::string> state_row() const { return {}; }
  virtual std::vector<std::string> reward_row() const { return {}; }
  /// The parts of the current state and what `action` (null: nothing) has each do, one row each.
  virtual std::vector<std::vector<std::string>> detail_rows(const Action* action) const;

 protected:
  void set_time_limit(int steps) { spec_.time_limit = steps; }

 private:
  EnvironmentSpec spec_;
};

using EnvironmentFactory = std::function<std::unique_ptr<Environment>()>;

/// An action drawn evenly from choices and intervals, for spaces with a fixed number of rows.
Action random_action(const ActionSpace& space, RandomStream& stream);

/// Throws Error unless the action has the rows, choices and intervals that the space asks for;
/// for spaces with a fixed number of rows.
void check_action(const ActionSpace& space, const Action& action);

}  // namespace frost
