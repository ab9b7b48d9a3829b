#pragma once

#include <memory>

#include "models/policies/actor_critic_config.h"
#include "models/policies/policy_network.h"

namespace frost {

/// The network for the configured kind of observation.
std::unique_ptr<PolicyNetwork> make_policy_network(Backend& backend,
                                                   const ActorCriticConfig& config);

}  // namespace frost
