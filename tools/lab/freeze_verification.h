#pragma once

#include <string>

#include "tools/config/config.h"
#include "tools/runs/trainer.h"

namespace frost {

/// Reports what the configuration freezes and proves it on one real, shortened update; writes the
/// proof to `json` unless that is empty. Returns the exit status: 1 where a claim fails.
int verify_freezing(Config config, const std::string& json, bool quiet);

/// Prints the device, and where the weights came from.
void print_setup(const NetworkSetup& setup);

}  // namespace frost
