#pragma once

#include "engine/io/preprocessing.h"
#include "models/policies/actor_critic_config.h"
#include "rl/action_space.h"
#include "tools/runs/checkpoint.h"
#include "weights/onnx/onnx_graph.h"

namespace frost {

/// A run's network as far as its graph depends on more than the tensors.
struct ExportedPolicy {
  const Checkpoint& checkpoint;
  const ActorCriticConfig& config;  ///< completed by the environment
  const ActionSpace& actions;
  const Preprocessing& preprocessing;
};

/// Whether the body of a side ends at a map that its head flattens.
bool has_map_head(const Checkpoint& checkpoint, const std::string& side);

/// Adds a whole actor or critic of pictures or vectors, from observation to decision
/// (docs/weights.md "ONNX" has the names of inputs and outputs). Throws Error for a policy of
/// graphs, which have no form in ONNX here, and for tensors that are missing or misshapen.
void add_actor(OnnxGraph& graph, const ExportedPolicy& policy);
void add_critic(OnnxGraph& graph, const ExportedPolicy& policy);

}  // namespace frost
