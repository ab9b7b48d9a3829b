#pragma once

#include <string>

#include "tools/config/config.h"

namespace frost {

/// Reports what the configuration freezes and proves it on one real, shortened update; writes the
/// proof to `json` unless that is empty. Returns the exit status: 1 where a claim fails.
int verify_freezing(Config config, const std::string& json, bool quiet);

/// Prints what the configured update, not shortened, will hold: states of 20 nodes.
void print_forecast(const Config& config);

}  // namespace frost
