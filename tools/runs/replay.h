#pragma once

#include <string>

#include "rl/ppo/ppo.h"
#include "tools/config/common_options.h"

namespace frost {

/// Goes on with an update by one step of collecting or one minibatch, every result of an operation
/// watched. Returns what was the first that is not finite, empty where all are.
std::string first_not_finite(Ppo& ppo);

/// Repeats the step at which a training failed, from the state it left
/// (docs/reliability.md "Numbers that are not finite"), and prints which operation's result was the
/// first that is not finite. Writes nothing. Returns 1 where one was found, else 0. Of `options`,
/// --device and --threads count; throws UsageError where others differ from the run's.
int replay(const std::string& failure, const CommonOptions& options);

}  // namespace frost
