#pragma once

#include <vector>

#include "tools/config/config_binding.h"

namespace frost {

/// The part of the table that says what is observed and by which network.
std::vector<ConfigKey> network_keys();

}  // namespace frost
