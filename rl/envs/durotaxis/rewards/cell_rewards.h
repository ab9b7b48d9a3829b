#pragma once

#include "rl/envs/durotaxis/rewards/step_context.h"

namespace frost {

// The terms that look at single cells: born, lost, or alive (docs/durotaxis.md, "Normal mode").

double spawn_reward(const StepContext& step);
double delete_reward(const StepContext& step);
double efficiency_reward(const StepContext& step);
/// The seven sums over cells below, or their mean.
double node_reward(const StepContext& step);

double movement_rewards(const StepContext& step);
double substrate_rewards(const StepContext& step);
double outer_cell_rewards(const StepContext& step);
double left_edge_rewards(const StepContext& step);
double boundary_zone_rewards(const StepContext& step);
double safe_center_rewards(const StepContext& step);
double intensity_rewards(const StepContext& step);

/// The deletion reward of the state machine, in [-1, 1] (docs/durotaxis.md, "Deletion state
/// machine").
double state_machine_reward(const StepContext& step);

}  // namespace frost
