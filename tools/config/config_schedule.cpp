#include "tools/config/config_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kernels/errors.h"
#include "models/freeze.h"
#include "models/resnet_spec.h"
#include "tools/config/config_member.h"
#include "tools/config/config_schema.h"

// Keys whose value is a list of small maps: a Config stands for each of them, and entries are bound
// to its members as keys are.
namespace frost {
namespace {

using Entries = std::vector<ConfigKey>;

const Entries& freeze_step_entries() {
  static const Entries entries = {
      number("update", MEMBER(ppo.total_updates), at_least(1), ""),
      freeze_mode_key("freeze_mode", MEMBER(model.backbone.freeze_mode), ""),
      number("backbone_lr", MEMBER(model.backbone.backbone_lr), above(0), "")};
  return entries;
}

const Entries& group_schedule_entries() {
  static const Entries entries = {
      choice("group", MEMBER(run.save_dir), {"backbone", "heads", "encoder"}, ""),
      lr_kind_key("kind", ""),
      number("warmup_updates", MEMBER(ppo.lr_schedule.warmup_updates), at_least(0), ""),
      number("final_fraction", MEMBER(ppo.lr_schedule.final_fraction), between(0, 1), "")};
  return entries;
}

/// "{update: ..., freeze_mode: ..., backbone_lr: ...}"
std::string form_of(const Entries& entries) {
  std::string text;
  for (const ConfigKey& entry : entries) text += (text.empty() ? "" : ", ") + entry.path + ": ...";
  return "{" + text + "}";
}

[[noreturn]] void reject_item(std::size_t index, const std::string& what) {
  throw UsageError(fmt::format("step {} {}", index + 1, what));
}

Config parse_item(const Entries& entries, const ConfigValue& value, std::size_t index) {
  if (value.kind != ConfigValue::Kind::kMap) reject_item(index, "must be " + form_of(entries));
  Config item;
  std::set<std::string> missing;
  for (const ConfigKey& entry : entries) missing.insert(entry.path);
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const std::string& name = value.names[i];
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const ConfigKey& k) { return k.path == name; });
    if (entry == entries.end()) {
      reject_item(index, "has an unknown entry '" + name + "', expected " + form_of(entries));
    }
    if (missing.erase(name) == 0) reject_item(index, "has the entry '" + name + "' twice");
    try {
      entry->set(item, value.items[i]);
    } catch (const UsageError& error) {
      reject_item(index, fmt::format("has '{}', which {}", name, error.what()));
    }
  }
  if (!missing.empty()) reject_item(index, "lacks '" + *missing.begin() + "'");
  return item;
}

/// `parse` turns the items into the value of the key; `items` turns it back.
ConfigKey list_key(std::string path, const Entries& entries, std::string doc,
                   const std::function<void(Config&, const std::vector<Config>&)>& parse,
                   const std::function<std::vector<Config>(Config&)>& items) {
  ConfigKey key;
  key.path = std::move(path);
  for (const ConfigKey& entry : entries) key.type += (key.type.empty() ? "" : ", ") + entry.path;
  key.type = "list of {" + key.type + "}";
  key.doc = std::move(doc);
  key.set = [&entries, parse](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kList) {
      throw UsageError("must be a list, [" + form_of(entries) + ", ...]");
    }
    std::vector<Config> parsed;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      parsed.push_back(parse_item(entries, value.items[i], i));
    }
    parse(config, parsed);
  };
  key.get = [&entries, items](Config& config) {
    std::string text;
    for (Config& item : items(config)) {
      std::string shown;
      for (const ConfigKey& entry : entries) {
        shown += fmt::format("{}{}: {}", shown.empty() ? "" : ", ", entry.path, entry.get(item));
      }
      text += (text.empty() ? "{" : ", {") + shown + "}";
    }
    return "[" + text + "]";
  };
  return key;
}

}  // namespace

ConfigKey lr_kind_key(std::string path, std::string doc) {
  using Kind = LrSchedule::Kind;
  return choice<Kind>(std::move(path), MEMBER(ppo.lr_schedule.kind),
                      {{"constant", Kind::kConstant},
                       {"linear", Kind::kLinear},
                       {"cosine", Kind::kCosine},
                       {"kl_adaptive", Kind::kKlAdaptive}},
                      std::move(doc));
}

std::string freeze_mode_forms() {
  std::string forms;
  for (const std::string& name : freeze_mode_names()) {
    if (!name.starts_with("layer")) forms += name + ", ";
  }
  return forms + "layerN.M";
}

ConfigKey freeze_mode_key(std::string path, Member<std::string> member, std::string doc) {
  ConfigKey key = text(std::move(path), member, std::move(doc));
  key.type = "one of: " + freeze_mode_forms();
  key.get = [=](Config& config) { return member(config); };
  return key;
}

ConfigKey freeze_schedule_key(std::string path, Member<std::vector<FreezeStep>> member,
                              std::string doc) {
  return list_key(
      std::move(path), freeze_step_entries(), std::move(doc),
      [=](Config& config, const std::vector<Config>& items) {
        std::vector<FreezeStep> schedule;
        for (std::size_t i = 0; i < items.size(); ++i) {
          const BackboneConfig& backbone = items[i].model.backbone;
          schedule.push_back(
              {items[i].ppo.total_updates, backbone.freeze_mode, backbone.backbone_lr});
          if (i > 0 && schedule[i].update <= schedule[i - 1].update) {
            reject_item(i, fmt::format("begins at update {}, not after the step before it, {}",
                                       schedule[i].update, schedule[i - 1].update));
          }
        }
        member(config) = std::move(schedule);
      },
      [=](Config& config) {
        std::vector<Config> items;
        for (const FreezeStep& step : member(config)) {
          Config item;
          item.ppo.total_updates = static_cast<int>(step.update);
          item.model.backbone.freeze_mode = step.freeze_mode;
          item.model.backbone.backbone_lr = step.backbone_lr;
          items.push_back(std::move(item));
        }
        return items;
      });
}

ConfigKey group_schedules_key(std::string path, Member<std::vector<GroupLrSchedule>> member,
                              std::string doc) {
  return list_key(
      std::move(path), group_schedule_entries(), std::move(doc),
      [=](Config& config, const std::vector<Config>& items) {
        std::vector<GroupLrSchedule> schedules;
        for (const Config& item : items) {
          const std::string& group = item.run.save_dir;
          for (const GroupLrSchedule& other : schedules) {
            if (other.group == group) {
              reject_item(schedules.size(), "is the second for group '" + group + "'; keep one");
            }
          }
          schedules.push_back({group, item.ppo.lr_schedule});
        }
        member(config) = std::move(schedules);
      },
      [=](Config& config) {
        std::vector<Config> items;
        for (const GroupLrSchedule& own : member(config)) {
          Config item;
          item.run.save_dir = own.group;
          item.ppo.lr_schedule = own.schedule;
          items.push_back(std::move(item));
        }
        return items;
      });
}

}  // namespace frost
