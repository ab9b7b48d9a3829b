#pragma once

#include <memory>

#include "models/actor_critic_config.h"
#include "models/policy_network.h"

namespace frost {

/// The network for the configured kind of observation.
std::unique_ptr<PolicyNetwork> make_policy_network(Backend& backend,
                                                   const ActorCriticConfig& config);

}  // namespace frost
