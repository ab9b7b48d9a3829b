#pragma once

#include <cstdint>
#include <string>

#include "tools/config/common_options.h"

namespace frost {

struct TrainOptions {
  std::string config, out, resume, replay;
  std::int64_t stop_after = 0;
  bool profile = false;
  CommonOptions common;
};

/// The configuration of the run that `train` would begin. Throws UsageError where the options ask
/// for more than that.
Config config_to_forecast(const TrainOptions& options);

/// Trains, or goes on with a run, and leaves its folder (README, "What a run leaves behind").
///
/// A signal of `StopSignals` ends it after the step of collecting or the minibatch at hand, with a
/// checkpoint from which it goes on as if never stopped. Returns the exit status.
int train(const TrainOptions& options);

}  // namespace frost
