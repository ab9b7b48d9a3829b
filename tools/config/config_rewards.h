#pragma once

#include <vector>

#include "tools/config/config_binding.h"

namespace frost {

/// The part of the table that says what a step earns.
std::vector<ConfigKey> reward_keys();

}  // namespace frost
