#pragma once

#include <string>

#include "tools/config/config.h"

namespace frost {

/// The configuration with which a run goes on: its own, but for the keys that may change, which
/// come from `asked`.
///
/// These are where and how fast it computes and how often it saves and evaluates
/// (docs/reliability.md "Going on with a run"); algorithm.total_updates too, where no learning rate
/// depends on it. Throws UsageError naming every other key that differs; `run` names the run in it.
Config resumed_config(const Config& own, const Config& asked, const std::string& run);

}  // namespace frost
