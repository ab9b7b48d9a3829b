#pragma once

#include <cstdint>

namespace frost {

/// Learning-rate factor over optimizer updates.
struct LrSchedule {
  enum class Kind { kConstant, kLinear, kCosine };

  Kind kind = Kind::kConstant;
  std::int64_t warmup_updates = 0;
  std::int64_t total_updates = 1;
  double final_fraction = 0.1;  ///< of the base rate, reached at `total_updates` and kept

  /// Factor of update `update`, counted from 0: a linear ramp over the warm-up (first value
  /// 1 / warmup_updates), then constant, linear, or cosine decay to the floor without restart.
  double factor(std::int64_t update) const;
};

}  // namespace frost
