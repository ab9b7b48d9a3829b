#include "engine/optim/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace frost {

double LrSchedule::factor(std::int64_t update) const {
  if (update < warmup_updates) {
    return static_cast<double>(update + 1) / static_cast<double>(warmup_updates);
  }
  if (kind == Kind::kConstant) return 1.0;
  const auto span = static_cast<double>(std::max<std::int64_t>(1, total_updates - warmup_updates));
  const double done = std::min(1.0, static_cast<double>(update - warmup_updates) / span);
  const double decay =
      kind == Kind::kLinear ? 1.0 - done : 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return final_fraction + (1.0 - final_fraction) * decay;
}

}  // namespace frost
