#pragma once

#include "engine/random.h"
#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"

namespace frost {

/// Every cell spawns with p = 1/2 unless the mask leaves one choice; one draw per cell.
JointAction random_policy(const GraphObservation& observation, RandomStream& stream);

/// Every cell spawns.
JointAction all_spawn_policy(const GraphObservation& observation);

/// The floor(N/2) leftmost cells delete, ties by index, the others spawn; nobody deletes where the
/// mask forbids it. The fastest way to the goal (docs/durotaxis.md, "Baselines").
JointAction half_delete_policy(const Colony& colony);

}  // namespace frost
