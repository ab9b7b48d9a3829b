#pragma once

#include <vector>

#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/envs/durotaxis/marking.h"
#include "rl/envs/durotaxis/substrate.h"
#include "rl/envs/durotaxis/termination.h"

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

}  // namespace frost
