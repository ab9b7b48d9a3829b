#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/config.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// A colony before the actions of one step: what marking compares with later.
struct ColonySnapshot {
  std::vector<std::int64_t> ids;
  std::vector<double> intensity;
};

/// Which ending, if any, the colony has reached; the first that holds in the order of the cases
/// (docs/durotaxis.md, "Termination"). `left_moves` counts consecutive steps with a falling
/// centroid.
TerminationCase find_termination(const Colony& colony, const Substrate& substrate,
                                 const DurotaxisConfig& config, int left_moves, int steps);

/// The configured reward of an ending; 0 while running.
double termination_reward(TerminationCase ending, const TerminationRewards& rewards);

/// Marks cells for deletion: those of `past` that still live, were below today's mean intensity
/// then, and lie farthest to the right (docs/durotaxis.md, "Marking").
void mark_by_rule(Colony& colony, const Substrate& substrate, const ColonySnapshot& past,
                  int max_critical_nodes);

/// The colony on its substrate, one joint action per step (docs/durotaxis.md).
class Durotaxis : public Environment {
 public:
  /// Throws UsageError on a configuration that cannot be run, naming the key.
  explicit Durotaxis(const DurotaxisConfig& config);

  /// Draws field and layout from the streams kField and kLayout of `episode_seed`.
  void reset(std::uint64_t episode_seed) override;
  /// Starts an episode from a given colony and field.
  void start(Colony colony, const Substrate& substrate);

  /// Throws Error before the first reset, after the end of the episode, and on a malformed action;
  /// the state is then unchanged.
  StepResult step(const Action& action) override;
  Observation observe() const override { return graph(); }
  GraphObservation graph() const;
  ActionSpace action_space() const override;
  double progress() const override;
  int episode_steps() const override { return steps_; }

  std::vector<std::uint8_t> save_state() const override;
  /// Throws Error, with the state unchanged, on a record that is malformed or of another
  /// substrate size.
  void load_state(const std::vector<std::uint8_t>& state) override;

  const Colony& colony() const { return colony_; }
  const Substrate& substrate() const { return substrate_; }
  const DurotaxisConfig& config() const { return config_; }

 private:
  double goal_x() const { return substrate_.width() - 1.0; }
  void remember_colony();
  double distance_reward(double previous_x, double centroid_x) const;
  double scaled_termination(TerminationCase ending) const;

  DurotaxisConfig config_;
  Substrate substrate_;
  Colony colony_;
  std::deque<ColonySnapshot> history_;  ///< oldest first; full at delta_time + 1
  int steps_ = 0;
  int left_moves_ = 0;
  bool running_ = false;
};

}  // namespace frost
