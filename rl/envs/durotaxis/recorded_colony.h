#pragma once

#include "engine/random.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/replay_environment.h"

namespace frost {

/// `base` on the linear field m = 0.05, starting with `cells`: half_delete keeps an even number of
/// cells as it is.
DurotaxisConfig steady_colony(DurotaxisConfig base, int cells);

/// So many steps of a colony under half_delete, as graphs or pictures; the last one ends as if
/// terminated, so that they can be replayed again and again.
RecordedEpisodes record_colony(const DurotaxisConfig& config, bool pictures, int steps,
                               RandomStream& seeds);

}  // namespace frost
