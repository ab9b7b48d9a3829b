#pragma once

#include "models/policies/actor_critic_config.h"
#include "rl/environment_spec.h"

namespace frost {

/// `base` with all that the environment decides: kind and sizes of the observation, actions, value
/// heads. Throws Error for pictures that no network here takes: of another number of channels than
/// 1 or 3.
ActorCriticConfig fit_to_environment(ActorCriticConfig base, const EnvironmentSpec& spec);

}  // namespace frost
