#pragma once

#include "engine/random.h"
#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"

namespace frost {

/// Every cell spawns with p = 1/2 unless the mask leaves one choice; one draw per cell.
Action random_policy(const GraphObservation& observation, RandomStream& stream);

/// Every cell spawns.
Action all_spawn_policy(const GraphObservation& observation);

/// The `count` leftmost cells delete, ties by index, the others spawn; nobody deletes where the
/// mask forbids it.
Action delete_leftmost(const Colony& colony, std::size_t count);

/// The floor(N/2) leftmost cells delete, ties by index, the others spawn; nobody deletes where the
/// mask forbids it. The fastest way to the goal (docs/durotaxis.md, "Baselines").
Action half_delete_policy(const Colony& colony);

}  // namespace frost
