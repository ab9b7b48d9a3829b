#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/envs/durotaxis/marking.h"
#include "rl/envs/durotaxis/rewards/rewards.h"
#include "rl/envs/durotaxis/rewards/terminal_scale.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// Which ending, if any, the colony has reached; the first that holds in the order of the cases
/// (docs/durotaxis.md, "Termination"). `left_moves` counts consecutive steps with a falling
/// centroid.
TerminationCase find_termination(const Colony& colony, const Substrate& substrate,
                                 const DurotaxisConfig& config, int left_moves, int steps);

/// The colony on its substrate, one joint action per step (docs/durotaxis.md).
class Durotaxis : public Environment {
 public:
  /// Throws UsageError on a configuration that cannot be run, naming the key.
  explicit Durotaxis(const DurotaxisConfig& config);

  /// Draws field and layout from the streams kField and kLayout of `episode_seed`; recoveries and
  /// random spawn lengths have streams of their own.
  void reset(std::uint64_t episode_seed) override;
  /// Starts an episode from a given colony and field; `seed` is that of the other streams.
  void start(Colony colony, const Substrate& substrate, std::uint64_t seed = 0);

  /// Throws Error before the first reset, after the end of the episode, and on a malformed action;
  /// the state is then unchanged.
  StepResult step(const Action& action) override;
  Observation observe() const override { return graph(); }
  GraphObservation graph() const;
  double progress() const override;
  int episode_steps() const override { return steps_; }

  Action scripted_action(const std::string& policy, RandomStream& stream) const override;
  RgbImage render(const RenderRequest& request) const override;
  std::vector<std::string> state_row() const override;
  std::vector<std::string> reward_row() const override;
  std::vector<std::vector<std::string>> detail_rows(const Action* action) const override;

  std::vector<std::uint8_t> save_state() const override;
  /// Throws Error, with the state unchanged, on a record that is malformed or of another
  /// substrate size.
  void load_state(const std::vector<std::uint8_t>& state) override;

  const Colony& colony() const { return colony_; }
  const Substrate& substrate() const { return substrate_; }
  const DurotaxisConfig& config() const { return config_; }
  /// What the last step's reward was made of.
  const RewardTerms& reward_terms() const { return terms_; }
  int recoveries() const { return recoveries_; }
  /// The current scale of termination rewards, in distance mode.
  double terminal_scale() const { return terminal_scale_.value(); }

 private:
  void execute(const Action& action);
  const ColonySnapshot* past() const;
  void mark_cells();
  bool recover_if_empty();
  void remember_colony();

  DurotaxisConfig config_;
  TerminalScale terminal_scale_;  ///< the only thing that outlives an episode
  Substrate substrate_;
  Colony colony_;
  std::vector<Cell> before_;            ///< the colony before the latest joint action
  std::deque<ColonySnapshot> history_;  ///< oldest first; full at delta_time + 1
  RewardTerms terms_;
  std::uint64_t seed_ = 0;
  RandomStream recovery_stream_, length_stream_;
  double episode_return_ = 0;
  int steps_ = 0;
  int left_moves_ = 0;
  int milestones_ = 0;  ///< passed so far
  int recoveries_ = 0;
  bool ever_marked_ = false;
  bool running_ = false;
};

}  // namespace frost
