#pragma once

#include <string>
#include <vector>

#include "rl/environment.h"

namespace frost {

/// Environments by name; those of rl/envs/control and rl/envs/pixels are there from the start
/// (docs/reference.md, docs/pixels.md).
///
/// Throws Error for a name that is taken. Registering is for the time before threads start; looking
/// up is safe from any thread.
void register_environment(const std::string& name, EnvironmentFactory factory);

/// All names, in order of registration.
std::vector<std::string> environment_names();

/// Makes environments of that name. Throws UsageError that lists the names if there is none.
EnvironmentFactory find_environment(const std::string& name);

}  // namespace frost
