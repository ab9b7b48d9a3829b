#pragma once

#include <vector>

#include "engine/random.h"
#include "models/policies/policy_network.h"
#include "rl/action_space.h"
#include "rl/environment.h"

namespace frost {

/// What the policy did in one state, as PPO needs it again.
struct PolicyStep {
  Action action;
  std::vector<float> logp;      ///< [rows] of the decisions
  std::vector<float> raw;       ///< [active rows, dims] raw samples of the continuous part
  std::vector<float> raw_logp;  ///< [active rows] of the raw samples
  std::vector<float> values;    ///< in normalised units
};

/// The policy in several states, and what the network's frozen prefix yielded on the way.
struct PolicySteps {
  std::vector<PolicyStep> steps;
  Tensor features;  ///< [states, width], or undefined
};

/// Samples an action for every state (or, with `deterministic`, takes the likeliest choice and the
/// mean of the raw sample). The continuous part is drawn for the rows whose choice enables it.
///
/// Records no tape. `streams[i]` serves observation i, so that a state's sample does not depend on
/// what it is batched with. Throws NotFiniteError naming the row or state if an output of the
/// network, or a log-probability of it, is not finite, and Error where a row may do nothing.
PolicySteps act(PolicyNetwork& network, const std::vector<const Observation*>& observations,
                const std::vector<RandomStream*>& streams, const ActionSpace& space,
                bool deterministic);

/// The critic's values of several states, in normalised units; records no tape. Throws
/// NotFiniteError naming the state.
std::vector<std::vector<float>> state_values(PolicyNetwork& network,
                                             const std::vector<const Observation*>& observations);

}  // namespace frost
