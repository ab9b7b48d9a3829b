#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rl/environment.h"

namespace frost {

/// Names of the environments that PPO is held against published results on (docs/reference.md).
const std::vector<std::string>& reference_environment_names();

/// The environment of that name. Throws UsageError that lists the names if there is none.
std::unique_ptr<Environment> make_reference_environment(const std::string& name);

/// How many features the environment's VectorObservation has. Throws as above.
int reference_observation_size(const std::string& name);

}  // namespace frost
