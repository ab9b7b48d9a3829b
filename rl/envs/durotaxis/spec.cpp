#include "rl/envs/durotaxis/spec.h"

#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/features.h"
#include "rl/envs/durotaxis/termination.h"
#include "rl/envs/durotaxis/views/state_tables.h"

namespace frost {
namespace {

int code(TerminationCase ending) {
  return static_cast<int>(ending);
}

/// What both ways of seeing the colony have in common.
EnvironmentSpec common_spec(const DurotaxisConfig& config) {
  EnvironmentSpec spec;
  spec.name = "durotaxis";
  spec.reward_names = {"total", "graph", "spawn", "delete", "edge", "node"};
  spec.reward_weights = {config.reward_weights.begin(), config.reward_weights.end()};
  spec.has_goal = true;
  spec.endings = {{code(TerminationCase::kTooManyNodes), "too many cells"},
                  {code(TerminationCase::kNoNodes), "extinct"},
                  {code(TerminationCase::kOutOfBounds), "out of bounds"},
                  {code(TerminationCase::kLeftwardDrift), "leftward drift"},
                  {code(TerminationCase::kSuccess), "success"},
                  {code(TerminationCase::kTimeLimit), "time limit"}};
  spec.time_limit = config.max_steps;
  spec.size_unit = "cells";
  spec.reference_policy = "half_delete";
  spec.renders = true;
  spec.state_columns = colony_columns();
  spec.reward_columns = reward_term_columns();
  spec.detail_columns = cell_columns();
  return spec;
}

}  // namespace

EnvironmentSpec colony_graph_spec(const DurotaxisConfig& config) {
  EnvironmentSpec spec = common_spec(config);
  spec.observation = GraphSpec{node_feature_count(config), kGraphFeatures, kEdgeFeatures};
  spec.actions = {ActionSpace::kPerNode, 2, {}, kSpawnCell};
  if (config.spawn.continuous()) spec.actions.continuous = config.spawn.dimensions();
  spec.continuous_heads = static_cast<int>(config.spawn.bounds.size());
  spec.scripted_policies = {"random", "all_spawn", "half_delete"};
  return spec;
}

EnvironmentSpec colony_picture_spec(const DurotaxisConfig& config) {
  EnvironmentSpec spec = common_spec(config);
  spec.observation = PictureSpec{config.image_size, config.image_size, 1};
  spec.actions.continuous = {{0.0, kMaxDeleteRatio, Squash::kSigmoid}};
  spec.continuous_heads = 1 + static_cast<int>(config.spawn.bounds.size());
  if (config.spawn.continuous()) {
    for (const ContinuousDimension& d : config.spawn.dimensions()) {
      spec.actions.continuous.push_back(d);
    }
  }
  return spec;
}

}  // namespace frost
