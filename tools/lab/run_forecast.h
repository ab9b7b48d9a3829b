#pragma once

#include "tools/config/config.h"

namespace frost {

/// Prints what a run of the configuration would be: its network, what a state costs, the bytes that
/// an update peaks at, steps per second and the time of the whole, of each mode of a freeze
/// schedule in turn. No run begins. Returns the exit status.
int forecast_run(const Config& config);

/// Prints the bytes, from a dry run of the configured update on states of 20 nodes or on the
/// environment's own pictures, and the speed, from a probe of about five seconds: real updates of a
/// run's shape, which nothing but the divergence of the policy could end earlier.
void print_forecast(const Config& config);

}  // namespace frost
