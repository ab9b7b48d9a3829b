#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kernels/status.h"
#include "models/freeze.h"
#include "tools/config_member.h"
#include "tools/config_schema.h"

namespace frost {
namespace {

/// The entries of one step, bound to the members of a Config that stands for it.
const std::vector<ConfigKey>& step_keys() {
  static const std::vector<ConfigKey> keys = {
      number("update", MEMBER(ppo.total_updates), at_least(1), ""),
      choice("freeze_mode", MEMBER(model.backbone.freeze_mode), freeze_mode_names(), ""),
      number("backbone_lr", MEMBER(model.backbone.backbone_lr), above(0), "")};
  return keys;
}

[[noreturn]] void reject_step(std::size_t index, const std::string& what) {
  throw UsageError(fmt::format("step {} {}", index + 1, what));
}

FreezeStep parse_step(const ConfigValue& value, std::size_t index) {
  if (value.kind != ConfigValue::Kind::kMap) {
    reject_step(index, "must be {update: ..., freeze_mode: ..., backbone_lr: ...}");
  }
  Config step;
  std::set<std::string> missing;
  for (const ConfigKey& key : step_keys()) missing.insert(key.path);
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const std::string& name = value.names[i];
    const auto key = std::find_if(step_keys().begin(), step_keys().end(),
                                  [&](const ConfigKey& k) { return k.path == name; });
    if (key == step_keys().end()) {
      reject_step(index, "has an unknown entry '" + name +
                             "', expected update, freeze_mode and backbone_lr");
    }
    if (missing.erase(name) == 0) reject_step(index, "has the entry '" + name + "' twice");
    try {
      key->set(step, value.items[i]);
    } catch (const UsageError& error) {
      reject_step(index, fmt::format("has '{}', which {}", name, error.what()));
    }
  }
  if (!missing.empty()) reject_step(index, "lacks '" + *missing.begin() + "'");
  return {step.ppo.total_updates, step.model.backbone.freeze_mode, step.model.backbone.backbone_lr};
}

std::string show_schedule(const std::vector<FreezeStep>& schedule) {
  std::string text;
  for (const FreezeStep& step : schedule) {
    text += fmt::format("{}{{update: {}, freeze_mode: {}, backbone_lr: {}}}",
                        text.empty() ? "" : ", ", step.update, step.freeze_mode, step.backbone_lr);
  }
  return "[" + text + "]";
}

}  // namespace

ConfigKey freeze_schedule_key(std::string path, Member<std::vector<FreezeStep>> member,
                              std::string doc) {
  ConfigKey key;
  key.path = std::move(path);
  key.type = "list of {update, freeze_mode, backbone_lr}";
  key.doc = std::move(doc);
  key.set = [=](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kList) {
      throw UsageError("must be a list, [{update: ..., freeze_mode: ..., backbone_lr: ...}, ...]");
    }
    std::vector<FreezeStep> schedule;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      schedule.push_back(parse_step(value.items[i], i));
      if (i > 0 && schedule[i].update <= schedule[i - 1].update) {
        reject_step(i, fmt::format("begins at update {}, not after the step before it, {}",
                                   schedule[i].update, schedule[i - 1].update));
      }
    }
    member(config) = std::move(schedule);
  };
  key.get = [=](Config& config) { return show_schedule(member(config)); };
  return key;
}

}  // namespace frost
