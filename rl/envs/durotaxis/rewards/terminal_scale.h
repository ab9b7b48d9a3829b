#pragma once

#include <deque>

#include "rl/envs/durotaxis/rewards/reward_config.h"

namespace frost {

/// The scale of termination rewards in distance mode: constant, or lowered once episodes go well
/// (docs/durotaxis.md, "Distance mode").
class TerminalScale {
 public:
  TerminalScale(const TerminalScaleConfig& config, double start) : config_(config), scale_(start) {}

  double value() const { return scale_; }
  /// Records the return of a finished episode.
  void record(double episode_return);

  const std::deque<double>& returns() const { return returns_; }
  int good_windows() const { return good_windows_; }
  /// Restores what was saved. Throws Error on values no run can reach.
  void restore(double scale, std::deque<double> returns, int good_windows);

 private:
  TerminalScaleConfig config_;
  double scale_;
  std::deque<double> returns_;  ///< of the last `window_size` episodes
  int good_windows_ = 0;        ///< in a row
};

}  // namespace frost
