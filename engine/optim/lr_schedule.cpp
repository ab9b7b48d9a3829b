#include "engine/optim/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace frost {

double LrSchedule::factor(std::int64_t update) const {
  if (update < warmup_updates) {
    return static_cast<double>(update + 1) / static_cast<double>(warmup_updates);
  }
  if (kind == Kind::kConstant || kind == Kind::kKlAdaptive) return 1.0;
  const auto span = static_cast<double>(std::max<std::int64_t>(1, total_updates - warmup_updates));
  const double done = std::min(1.0, static_cast<double>(update - warmup_updates) / span);
  const double decay =
      kind == Kind::kLinear ? 1.0 - done : 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return final_fraction + (1.0 - final_fraction) * decay;
}

double KlAdaptation::next_rate(double rate, double kl) const {
  if (kl > kHigh * target) return std::max(min_lr, rate / kStep);
  if (kl > 0 && kl < kLow * target) return std::min(max_lr, rate * kStep);
  return rate;
}

const LrSchedule& LearningRates::schedule_of(const std::string& group) const {
  for (const GroupLrSchedule& own : own_) {
    if (own.group == group) return own.schedule;
  }
  return common_;
}

double LearningRates::factor(const std::string& group, std::int64_t update) const {
  const LrSchedule& schedule = schedule_of(group);
  const auto adapted = adapted_.find(group);
  const bool moved = schedule.kind == LrSchedule::Kind::kKlAdaptive && adapted != adapted_.end();
  return schedule.factor(update) * (moved ? adapted->second : 1.0);
}

void LearningRates::adapt(const std::vector<ParamGroup>& groups, std::int64_t update, double kl) {
  for (const ParamGroup& group : groups) {
    const LrSchedule& schedule = schedule_of(group.name);
    if (schedule.kind != LrSchedule::Kind::kKlAdaptive || update < schedule.warmup_updates) {
      continue;
    }
    double& adapted = adapted_.emplace(group.name, 1.0).first->second;
    const double rate = group.lr * adapted, next = adaptation_.next_rate(rate, kl);
    if (next != rate) adapted = next / group.lr;
  }
}

void LearningRates::save(StateDict& state) const {
  for (const auto& [group, factor] : adapted_) {
    state["lr." + group] = HostTensor::from_doubles({factor});
  }
}

void LearningRates::load(const StateDict& state) {
  std::map<std::string, double> adapted;
  const std::string prefix = "lr.";
  for (auto it = state.lower_bound(prefix); it != state.end() && it->first.starts_with(prefix);
       ++it) {
    const std::vector<double> factor = it->second.to_doubles(it->first);
    if (factor.size() != 1 || !std::isfinite(factor[0]) || factor[0] <= 0) {
      fail_damaged(it->first, "a learning rate has one factor, finite and above 0");
    }
    adapted[it->first.substr(prefix.size())] = factor[0];
  }
  adapted_ = std::move(adapted);
}

}  // namespace frost
