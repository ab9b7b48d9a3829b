#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rl/ppo/unfinished_update.h"

namespace frost {

/// Transitions per second of wall-clock time: collected, learned from, and both in turn.
struct StepRates {
  double collect = 0, update = 0, overall = 0;
};

/// Of the collecting and learning of `steps` transitions.
StepRates step_rates(double steps, const UpdateTiming& timing);

/// How fast the first updates are, without the very first, which prepares kernels and recordings.
class SpeedMeter {
 public:
  /// Takes in an update of `steps` transitions. Returns the rates once: when those taken in so far
  /// have lasted five seconds.
  std::optional<StepRates> add(double steps, const UpdateTiming& timing);

 private:
  bool warm_ = false, told_ = false;
  double steps_ = 0;
  UpdateTiming timing_;
};

/// "8 minutes", in the unit of which there are two at least.
std::string duration_text(double seconds);

/// "about 410 steps/s (collecting 620, learning 1,210); 200,000 steps in about 8 minutes".
std::string forecast_text(const StepRates& rates, std::int64_t steps);

}  // namespace frost
