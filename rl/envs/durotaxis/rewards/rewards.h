#pragma once

#include <vector>

#include "rl/environment.h"
#include "rl/envs/durotaxis/rewards/step_context.h"

namespace frost {

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
double edge_reward(const StepContext& step);
double survival_reward(const StepContext& step);
double milestone_reward(const StepContext& step);

/// The reward of distance mode without endings: the centroid's move, its distance to the goal, or
/// exact potential-based shaping.
double distance_reward(const StepContext& step);

}  // namespace frost
