#pragma once

#include <cstdint>
#include <vector>

#include "engine/optim/adam.h"
#include "rl/metrics.h"
#include "rl/ppo/ppo_config.h"
#include "rl/ppo/unfinished_update.h"

namespace frost {

/// What the metrics of a finished update are taken from.
struct UpdateReport {
  const EnvironmentSpec& spec;
  const PpoConfig& config;
  const Learning& learning;
  const std::vector<EpisodeRecord>& finished;  ///< episodes
  std::int64_t update, global_step, episodes;  ///< all up to now
  /// Every group the network may have, so that the columns outlast a change of the freeze mode.
  const std::vector<ParamGroup>& possible_groups;
  const std::vector<ParamGroup>& groups;  ///< that trained
  const std::vector<double>& lr_factors;  ///< of these
};

/// The columns of metrics.csv (docs/ppo.md).
Metrics update_metrics(const UpdateReport& report);

}  // namespace frost
