#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/optim/adam.h"

namespace frost {

/// Learning-rate factor over optimizer updates.
struct LrSchedule {
  enum class Kind { kConstant, kLinear, kCosine, kKlAdaptive };

  Kind kind = Kind::kConstant;
  std::int64_t warmup_updates = 0;
  std::int64_t total_updates = 1;
  double final_fraction = 0.1;  ///< of the base rate, reached at `total_updates` and kept

  /// Factor of update `update`, counted from 0: a linear ramp over the warm-up (first value
  /// 1 / warmup_updates), then constant, linear, or cosine decay to the floor without restart.
  double factor(std::int64_t update) const;
};

/// How rates follow the divergence of an update: above `high` times the target they are divided by
/// `step`, below `low` times it multiplied, and kept within the bounds.
struct KlAdaptation {
  double target = 0.01;
  double min_lr = 1e-5, max_lr = 1e-2;

  static constexpr double kHigh = 2.0, kLow = 0.5, kStep = 1.5;

  /// The rate after an update of mean divergence `kl`. No divergence at all tells nothing.
  double next_rate(double rate, double kl) const;
};

/// A group's own schedule in place of the common one.
struct GroupLrSchedule {
  std::string group;
  LrSchedule schedule;
};

/// The learning rates of all groups over a training: one schedule, but for the groups that have
/// their own, and what their divergence-adaptive kinds have come to.
class LearningRates {
 public:
  LearningRates(LrSchedule common, std::vector<GroupLrSchedule> own, KlAdaptation adaptation)
      : common_(common), own_(std::move(own)), adaptation_(adaptation) {}

  /// Factor on the group's base rate in update `update`.
  double factor(const std::string& group, std::int64_t update) const;
  /// Moves the rates of the groups whose kind is KL-adaptive and whose warm-up is over.
  void adapt(const std::vector<ParamGroup>& groups, std::int64_t update, double kl);

  /// `lr.<group>` for every group that was moved.
  void save(StateDict& state) const;
  /// Throws Error naming what is damaged; nothing has changed then.
  void load(const StateDict& state);

 private:
  const LrSchedule& schedule_of(const std::string& group) const;

  LrSchedule common_;
  std::vector<GroupLrSchedule> own_;
  KlAdaptation adaptation_;
  std::map<std::string, double> adapted_;  ///< factor by group, 1 where absent
};

}  // namespace frost
