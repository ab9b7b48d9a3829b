#pragma once

#include <array>
#include <vector>

#include "engine/random.h"
#include "models/actor_critic.h"
#include "rl/distributions.h"
#include "rl/environment.h"

namespace frost {

/// What the policy did in one state, as PPO needs it again.
struct PolicyStep {
  JointAction action;
  std::vector<float> logp;        ///< [cells] of the decisions
  std::vector<float> raw_spawn;   ///< [spawning cells, 4] raw samples, in stage 2
  std::vector<float> spawn_logp;  ///< [spawning cells] of the raw samples, in stage 2
  std::array<float, kRewardComponents> values{};  ///< in normalised units
};

/// Samples (or, with `deterministic`, takes the likelier of) spawn and delete for every cell, and
/// in stage 2 samples (or takes the mean of) the spawn parameters of the spawning cells.
///
/// Records no tape. `streams[i]` serves observation i, so that a state's sample does not depend on
/// what it is batched with. Throws Error naming the state if a logit is not
/// finite or a cell may do nothing.
std::vector<PolicyStep> act(ActorCritic& network,
                            const std::vector<const GraphObservation*>& observations,
                            const std::vector<RandomStream*>& streams,
                            const SpawnPolicyConfig& spawn, bool deterministic);

/// The critic's values of several states, in normalised units; records no tape.
std::vector<std::array<float, kRewardComponents>> state_values(
    ActorCritic& network, const std::vector<const GraphObservation*>& observations);

}  // namespace frost
