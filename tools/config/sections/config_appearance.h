#pragma once

#include <vector>

#include "rl/environment_spec.h"
#include "tools/config/config_binding.h"

namespace frost {

/// environment.appearance: how drawn environments look.
std::vector<ConfigKey> appearance_keys();

/// What those keys say, for an environment that has an appearance: loads the backgrounds, resized
/// to its pictures. Throws Error where a background cannot be read, UsageError where the folder has
/// none.
Appearance configured_appearance(const Config& config, const EnvironmentSpec& spec);

}  // namespace frost
