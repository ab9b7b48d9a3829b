#pragma once

#include <vector>

#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/config.h"
#include "rl/envs/durotaxis/marking.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// One step as the rewards see it: the colony before and after the joint action, cells matched by
/// id. Newborn cells are the `fresh` ones of `after`; their parent there is the one that spawned.
struct StepContext {
  const DurotaxisConfig& config;
  const Substrate& substrate;
  const std::vector<Cell>& before;  ///< as observed: ages and marks of earlier steps
  const std::vector<Cell>& after;
  const ColonySnapshot* past = nullptr;  ///< before the actions of delta_time steps ago, if any
  int step = 1;                          ///< steps since reset, this one included
  int milestones = 0;                    ///< passed in earlier steps
  bool first_marking = false;            ///< the episode's first marks were set in this step
  bool recovered = false;                ///< the colony was lost and started again
  TerminationCase ending = TerminationCase::kRunning;
  double terminal_scale = 1.0;  ///< of termination rewards, in distance mode
};

/// The terms of one step's reward (docs/durotaxis.md, "Reward"); those a mode lacks are 0.
struct RewardTerms {
  double distance = 0, base = 0, action = 0, centroid = 0, survival = 0, milestone = 0;
  double recovery = 0, termination = 0;  // with the line above: the component `graph`
  double spawn = 0;                      // `spawn`
  double deletion = 0, efficiency = 0;   // `delete`
  double edge = 0;                       // `edge`
  double node = 0;                       // `node`

  /// The disjoint components and, as `total`, their sum.
  RewardVector components() const;
};

/// All terms of the configured mode.
RewardTerms step_rewards(const StepContext& step);

/// The configured reward of an ending; 0 while running.
double termination_reward(TerminationCase ending, const TerminationRewards& rewards);
/// Whether an ending is one of the MDP, not of the time limit.
bool is_terminal(TerminationCase ending);
/// How many of the four milestones lie left of the rightmost cell.
int milestones_passed(const std::vector<Cell>& cells, const Substrate& substrate);

// The rows of docs/durotaxis.md, "Normal mode", one function each.

double base_reward(const StepContext& step);
double growth_penalty(const StepContext& step);
double action_reward(const StepContext& step);
double centroid_reward(const StepContext& step);
double spawn_reward(const StepContext& step);
double delete_reward(const StepContext& step);
double efficiency_reward(const StepContext& step);
double edge_reward(const StepContext& step);
double survival_reward(const StepContext& step);
double milestone_reward(const StepContext& step);
/// The seven sums over cells below, or their mean.
double node_reward(const StepContext& step);

double movement_rewards(const StepContext& step);
double substrate_rewards(const StepContext& step);
double outer_cell_rewards(const StepContext& step);
double left_edge_rewards(const StepContext& step);
double boundary_zone_rewards(const StepContext& step);
double safe_center_rewards(const StepContext& step);
double intensity_rewards(const StepContext& step);

/// The reward of distance mode without endings: the centroid's move, its distance to the goal, or
/// exact potential-based shaping.
double distance_reward(const StepContext& step);

/// The deletion reward of the state machine, in [-1, 1] (docs/durotaxis.md, "Deletion state
/// machine").
double state_machine_reward(const StepContext& step);

}  // namespace frost
