#pragma once

#include "rl/environment_spec.h"
#include "rl/envs/durotaxis/durotaxis_config.h"

namespace frost {

/// The colony as a graph with a decision per cell.
EnvironmentSpec colony_graph_spec(const DurotaxisConfig& config);

/// The colony as a picture with one global action: the share of cells to delete, in
/// [0, kMaxDeleteRatio], and in stage 2 the four spawn parameters.
EnvironmentSpec colony_picture_spec(const DurotaxisConfig& config);

inline constexpr double kMaxDeleteRatio = 0.7;

}  // namespace frost
