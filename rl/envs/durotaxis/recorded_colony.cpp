#include "rl/envs/durotaxis/recorded_colony.h"

#include <algorithm>

#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/spec.h"
#include "rl/envs/durotaxis/views/picture.h"

namespace frost {

DurotaxisConfig steady_colony(DurotaxisConfig base, int cells) {
  base.substrate.kind = SubstrateConfig::Kind::kLinear;
  base.substrate.m = 0.05;
  base.init_num_nodes = cells;
  base.threshold_critical_nodes = std::max(base.threshold_critical_nodes, 2 * cells);
  return base;
}

RecordedEpisodes record_colony(const DurotaxisConfig& config, bool pictures, int steps,
                               RandomStream& seeds) {
  Durotaxis environment(config);
  const auto observe = [&]() -> Observation {
    if (!pictures) return environment.graph();
    return draw_colony(environment.colony(), environment.substrate(), config.image_size);
  };
  return record_episodes(environment,
                         pictures ? colony_picture_spec(config) : colony_graph_spec(config), steps,
                         seeds, observe, [&] { return half_delete_policy(environment.colony()); });
}

}  // namespace frost
