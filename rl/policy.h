#pragma once

#include <array>
#include <vector>

#include "engine/random.h"
#include "models/actor_critic.h"
#include "rl/environment.h"

namespace frost {

/// What the policy did in one state, as PPO needs it again.
struct PolicyStep {
  JointAction action;
  std::vector<float> logp;                        ///< [cells]
  std::array<float, kRewardComponents> values{};  ///< in normalised units
};

/// Samples (or, with `deterministic`, takes the likelier of) spawn and delete for every cell.
///
/// Records no tape. `streams[i]` serves observation i, one draw per cell, so that a state's sample
/// does not depend on what it is batched with. Throws Error naming the state if a logit is not
/// finite or a cell may do nothing.
std::vector<PolicyStep> act(ActorCritic& network,
                            const std::vector<const GraphObservation*>& observations,
                            const std::vector<RandomStream*>& streams, bool deterministic);

/// The critic's values of several states, in normalised units; records no tape.
std::vector<std::array<float, kRewardComponents>> state_values(
    ActorCritic& network, const std::vector<const GraphObservation*>& observations);

}  // namespace frost
