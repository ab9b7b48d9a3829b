#include "rl/envs/durotaxis/rewards/terminal_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/errors.h"

namespace frost {

void TerminalScale::record(double episode_return) {
  if (!config_.enabled) return;
  const auto window = static_cast<std::size_t>(config_.window_size);
  returns_.push_back(episode_return);
  if (returns_.size() > window) returns_.pop_front();
  if (returns_.size() < window) return;
  const auto gains =
      std::count_if(returns_.begin(), returns_.end(), [](double value) { return value > 0.0; });
  const double rate = static_cast<double>(gains) / config_.window_size;
  good_windows_ = rate >= config_.progress_threshold ? good_windows_ + 1 : 0;
  if (good_windows_ < config_.consecutive_windows) return;
  good_windows_ = 0;
  // A scale below the floor from the start stays where it is.
  scale_ = std::min(scale_, std::max(config_.decay_rate * scale_, config_.min_scale));
}

void TerminalScale::restore(double scale, std::deque<double> returns, int good_windows) {
  const bool possible = std::isfinite(scale) && scale >= 0.0 && good_windows >= 0 &&
                        good_windows < std::max(config_.consecutive_windows, 1) &&
                        returns.size() <= static_cast<std::size_t>(config_.window_size);
  if (!possible)
    fail("load_state", fmt::format("a terminal scale of {} after {} returns is impossible", scale,
                                   returns.size()));
  scale_ = scale;
  returns_ = std::move(returns);
  good_windows_ = good_windows;
}

}  // namespace frost
