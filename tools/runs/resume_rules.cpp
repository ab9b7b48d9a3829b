#include "tools/runs/resume_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/errors.h"
#include "tools/config/config_differences.h"

namespace frost {
namespace {

using Kind = LrSchedule::Kind;

constexpr const char* kMayChange[] = {
    "system.device",       "system.threads",       "system.cuda_graphs", "trainer.checkpoint_every",
    "trainer.save_dir",    "trainer.rank_timeout", "environment.python", "environment.workers",
    "environment.timeout", "evaluation.every"};

bool ends_nowhere(const LrSchedule& schedule) {
  return schedule.kind == Kind::kConstant || schedule.kind == Kind::kKlAdaptive;
}

/// Whether another length leaves every learning rate as it is.
bool rates_ignore_length(const PpoConfig& ppo) {
  return ends_nowhere(ppo.lr_schedule) &&
         std::all_of(ppo.group_schedules.begin(), ppo.group_schedules.end(),
                     [](const GroupLrSchedule& own) { return ends_nowhere(own.schedule); });
}

bool may_change(const std::string& key, const Config& own) {
  if (key == "algorithm.total_updates") return rates_ignore_length(own.ppo);
  return std::find(std::begin(kMayChange), std::end(kMayChange), key) != std::end(kMayChange);
}

}  // namespace

Config resumed_config(const Config& own, const Config& asked, const std::string& run) {
  std::vector<std::string> refused;
  for (const ConfigDifference& d : differences(own, asked)) {
    if (may_change(d.key, own)) continue;
    refused.push_back(fmt::format("{} is {}, not {}", d.key, d.first, d.second));
  }
  if (refused.empty()) return asked;
  const bool length = rates_ignore_length(own.ppo);
  throw UsageError(
      fmt::format("{} was begun with other settings: {}; a run keeps its own (train --resume {} "
                  "needs no others), what may change is {}{}",
                  run, fmt::join(refused, "; "), run, fmt::join(kMayChange, ", "),
                  length ? ", algorithm.total_updates" : ""));
}

}  // namespace frost
