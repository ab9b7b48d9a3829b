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
  RecordedEpisodes record;
  record.spec = pictures ? colony_picture_spec(config) : colony_graph_spec(config);
  for (bool running = false; static_cast<int>(record.steps.size()) < steps;) {
    if (!running) environment.reset(seeds.next_bits());
    RecordedStep step;
    if (pictures) {
      step.observation =
          draw_colony(environment.colony(), environment.substrate(), config.image_size);
    } else {
      step.observation = environment.graph();
    }
    step.result = environment.step(half_delete_policy(environment.colony()));
    running = !step.result.done();
    record.steps.push_back(std::move(step));
  }
  StepResult& last = record.steps.back().result;
  last.terminated = true;
  last.truncated = false;
  return record;
}

}  // namespace frost
