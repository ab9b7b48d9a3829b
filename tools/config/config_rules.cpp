#include "tools/config/config_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "models/freeze.h"
#include "models/resnet_spec.h"
#include "rl/plugin/environment_library.h"
#include "tools/config/config_retired.h"
#include "tools/config/config_schema.h"
#include "tools/config/environments.h"

namespace frost {
namespace {

std::string value_of(const std::string& path, Config& config) {
  const auto key = std::find_if(config_keys().begin(), config_keys().end(),
                                [&](const ConfigKey& candidate) { return candidate.path == path; });
  return key->get(config);
}

bool holds(KeyRule::Relation relation, const std::string& value, const std::string& other) {
  switch (relation) {
    case KeyRule::Relation::kAbove:
      return std::stod(value) > std::stod(other);
    case KeyRule::Relation::kAtMost:
      return std::stod(value) <= std::stod(other);
    case KeyRule::Relation::kDivisibleBy:
      return std::stoll(value) % std::stoll(other) == 0;
    case KeyRule::Relation::kExclusiveWith:
      return value == "false" || other == "false";
    case KeyRule::Relation::kOnlyWith:
      return value == "false" || other == "true";
  }
  return false;
}

template <typename Observation>
bool shows(const EnvironmentSpec& spec) {
  return std::holds_alternative<Observation>(spec.observation);
}

/// "CartPole-v1 shows a vector and acts by choices"
std::string traits(const EnvironmentSpec& spec) {
  const bool choices = spec.actions.choices > 0, values = spec.actions.dims() > 0;
  return fmt::format("{} shows a {} and acts by {}{}{}", spec.name,
                     shows<GraphSpec>(spec)     ? "graph"
                     : shows<PictureSpec>(spec) ? "picture"
                                                : "vector",
                     choices ? "choices" : "", choices && values ? " and " : "",
                     values ? "continuous values" : "");
}

/// The first need of the key that is not met; null where all are.
const KeyNeed* unmet_need(const ConfigKey& key, const Config& config, const EnvironmentSpec& spec) {
  const auto found = std::find_if(key.needs.begin(), key.needs.end(),
                                  [&](const KeyNeed* need) { return !need->met(config, spec); });
  return found == key.needs.end() ? nullptr : *found;
}

/// Whether pictures are seen by a body from scratch.
bool has_scratch_body(const Config& config, const EnvironmentSpec& spec) {
  return shows<PictureSpec>(spec) && config.model.body != "resnet";
}

/// Parameters that the network of the environment has no group for.
std::optional<ConfigConflict> find_missing_group(const Config& config,
                                                 const EnvironmentSpec& spec) {
  for (const GroupLrSchedule& own : config.ppo.group_schedules) {
    if (own.group == "heads" || shows<GraphSpec>(spec)) continue;
    const bool scratch = has_scratch_body(config, spec);
    if (own.group == "backbone" && shows<PictureSpec>(spec) && !scratch) continue;
    return ConfigConflict{
        {kGroupsKey},
        fmt::format("'{}' has a schedule for '{}', which the network does not "
                    "have, because {}{}: remove it",
                    kGroupsKey, own.group, traits(spec), scratch ? " to a body from scratch" : "")};
  }
  return std::nullopt;
}

/// A freeze mode that the configured bodies do not have.
std::optional<ConfigConflict> find_unknown_mode(const Config& config) {
  const BackboneConfig& backbone = config.model.backbone;
  const std::string section = "actor_critic.backbone.";
  struct Mention {
    std::string key, place, mode;
  };
  std::vector<Mention> mentions = {{section + "freeze_mode", "", backbone.freeze_mode}};
  for (std::size_t i = 0; i < backbone.freeze_schedule.size(); ++i) {
    mentions.push_back({section + "freeze_schedule",
                        fmt::format("step {} has 'freeze_mode', which ", i + 1),
                        backbone.freeze_schedule[i].freeze_mode});
  }
  for (const std::string& mode : config.study.freeze_modes) {
    mentions.push_back({"study.freeze_modes", "", mode});
  }
  for (const auto& [part, architecture] : {std::pair{"architecture", backbone.architecture},
                                           {"critic_architecture", backbone.critic()}}) {
    const auto known = freeze_mode_names(resnet_depth(architecture));
    for (const auto& [key, place, mode] : mentions) {
      if (std::find(known.begin(), known.end(), mode) != known.end()) continue;
      return ConfigConflict{{key, section + part},
                            fmt::format("'{}' {}is '{}', with {} expected one of: {}", key, place,
                                        mode, architecture, fmt::join(known, ", "))};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string KeyRule::relation_text() const {
  switch (relation) {
    case Relation::kAbove:
      return "above";
    case Relation::kAtMost:
      return "at most";
    case Relation::kDivisibleBy:
      return "divisible by";
    case Relation::kExclusiveWith:
      return "exclusive with";
    case Relation::kOnlyWith:
      return "true only with";
  }
  return "";
}

const std::vector<KeyRule>& key_rules() {
  using Relation = KeyRule::Relation;
  static const std::vector<KeyRule> rules{
      {"environment.threshold_critical_nodes", Relation::kAbove, "environment.max_critical_nodes"},
      {"environment.init_num_nodes", Relation::kAtMost, "environment.threshold_critical_nodes"},
      {"environment.simple_delete_only_mode", Relation::kExclusiveWith,
       "environment.centroid_distance_only_mode"},
      {"environment.distance_mode.potential_based", Relation::kOnlyWith,
       "environment.distance_mode.use_delta_distance"},
      {"environment.position_rewards.danger_zone_threshold", Relation::kAbove,
       "environment.position_rewards.critical_zone_threshold"},
      {"environment.position_rewards.edge_zone_threshold", Relation::kAbove,
       "environment.position_rewards.danger_zone_threshold"},
      {"encoder.hidden_dim", Relation::kDivisibleBy, "encoder.num_heads"},
      {"encoder.out_dim", Relation::kDivisibleBy, "encoder.num_heads"},
      {"encoder.out_dim", Relation::kDivisibleBy, "actor_critic.simplicial_embedding.num_groups",
       "actor_critic.simplicial_embedding.enabled"},
      {"algorithm.lr_schedule.min_lr", Relation::kAtMost, "algorithm.lr_schedule.max_lr"},
      {"trainer.gradient_scaling.min_scaling_factor", Relation::kAtMost,
       "trainer.gradient_scaling.max_scaling_factor"},
      {"trainer.rollout_steps", Relation::kDivisibleBy, "trainer.num_envs"},
      {"trainer.minibatch_size", Relation::kAtMost, "trainer.rollout_steps"},
      {"trainer.num_envs", Relation::kDivisibleBy, "trainer.shards"},
      {"trainer.minibatch_size", Relation::kDivisibleBy, "trainer.shards"},
  };
  return rules;
}

std::optional<ConfigConflict> find_conflict(Config config) {
  for (const KeyRule& rule : key_rules()) {
    if (!rule.only_if.empty() && value_of(rule.only_if, config) != "true") continue;
    const std::string value = value_of(rule.key, config), other = value_of(rule.other_key, config);
    if (holds(rule.relation, value, other)) continue;
    return ConfigConflict{{rule.key, rule.other_key},
                          fmt::format("'{}' is {}, must be {} '{}' ({})", rule.key, value,
                                      rule.relation_text(), rule.other_key, other)};
  }
  return find_unknown_mode(config);
}

const KeyNeed KeyNeed::kColony{
    "the durotaxis environment", "", "set environment.name to durotaxis",
    [](const Config& config, const EnvironmentSpec&) { return has_own_section(config); }};
const KeyNeed KeyNeed::kPython{
    "a Python environment", "",
    "set environment.name to gymnasium:ID, envpool:ID or python:MODULE:CALLABLE",
    [](const Config& config, const EnvironmentSpec&) {
      return is_python_environment(config.environment_name);
    }};
const KeyNeed KeyNeed::kLibrary{"an environment in a library", "",
                                "set environment.name to its path, as in ./libmine.so",
                                [](const Config& config, const EnvironmentSpec&) {
                                  return names_library(config.environment_name);
                                }};
const KeyNeed KeyNeed::kGraph{
    "a graph as observation", "", "set environment.name to durotaxis and observation.kind to graph",
    [](const Config&, const EnvironmentSpec& spec) { return shows<GraphSpec>(spec); }};
const KeyNeed KeyNeed::kPicture{
    "a picture as observation", "", "set environment.name to one that shows pictures",
    [](const Config&, const EnvironmentSpec& spec) { return shows<PictureSpec>(spec); }};
const KeyNeed KeyNeed::kColonyPicture{
    "a picture of the colony", "",
    "set environment.name to durotaxis and observation.kind to image",
    [](const Config& config, const EnvironmentSpec& spec) {
      return has_own_section(config) && shows<PictureSpec>(spec);
    }};
const KeyNeed KeyNeed::kFrames{"several frames", "there is one",
                               "set observation.frames to 2 or more",
                               [](const Config&, const EnvironmentSpec& spec) {
                                 const auto* picture = std::get_if<PictureSpec>(&spec.observation);
                                 return picture != nullptr && picture->frames > 1;
                               }};
const KeyNeed KeyNeed::kBodies{
    "ResNet bodies", "", "set environment.name to durotaxis or to one that shows pictures",
    [](const Config&, const EnvironmentSpec& spec) { return !shows<VectorSpec>(spec); }};
const KeyNeed KeyNeed::kResNet{"actor_critic.body: resnet", "it is impala", "set it so",
                               [](const Config& config, const EnvironmentSpec& spec) {
                                 return !has_scratch_body(config, spec);
                               }};
const KeyNeed KeyNeed::kVector{
    "a vector as observation", "", "set environment.name to a reference environment",
    [](const Config&, const EnvironmentSpec& spec) { return shows<VectorSpec>(spec); }};
const KeyNeed KeyNeed::kChoices{
    "choices in the action", "", "",
    [](const Config&, const EnvironmentSpec& spec) { return spec.actions.choices > 0; }};
const KeyNeed KeyNeed::kContinuous{
    "continuous values in the action", "",
    "in durotaxis set algorithm.two_stage_curriculum.stage to 2",
    [](const Config&, const EnvironmentSpec& spec) { return spec.actions.dims() > 0; }};
const KeyNeed KeyNeed::kBothParts{"choices and continuous values in the action", "",
                                  "in durotaxis set observation.kind to graph and "
                                  "algorithm.two_stage_curriculum.stage to 2",
                                  [](const Config&, const EnvironmentSpec& spec) {
                                    return spec.actions.choices > 0 && spec.actions.dims() > 0;
                                  }};
const KeyNeed KeyNeed::kParameters{"spawn parameters of the network", "",
                                   "set environment.name to durotaxis and "
                                   "algorithm.two_stage_curriculum.stage to 2",
                                   [](const Config& config, const EnvironmentSpec&) {
                                     return has_own_section(config) &&
                                            config.environment.spawn.continuous();
                                   }};
const KeyNeed KeyNeed::kTimeLimit{
    "episodes with a time limit", "", "",
    [](const Config&, const EnvironmentSpec& spec) { return spec.time_limit > 0; }};
const KeyNeed KeyNeed::kComponents{
    "a reward in several parts", "", "",
    [](const Config&, const EnvironmentSpec& spec) { return spec.reward_names.size() > 1; }};
const KeyNeed KeyNeed::kAppearance{
    "an environment that is drawn", "", "set environment.name to one of docs/pixels.md",
    [](const Config&, const EnvironmentSpec& spec) { return spec.has_appearance; }};
const KeyNeed KeyNeed::kEarlyStop{
    "the early stop", "it is off", "set algorithm.enable_kl_early_stop to true",
    [](const Config& config, const EnvironmentSpec&) { return config.ppo.enable_kl_early_stop; }};
const KeyNeed KeyNeed::kAdaptiveRate{
    "a schedule by the divergence", "none is", "set algorithm.lr_schedule.kind to kl_adaptive",
    [](const Config& config, const EnvironmentSpec&) {
      const auto adaptive = [](const LrSchedule& s) {
        return s.kind == LrSchedule::Kind::kKlAdaptive;
      };
      return adaptive(config.ppo.lr_schedule) ||
             std::any_of(config.ppo.group_schedules.begin(), config.ppo.group_schedules.end(),
                         [&](const GroupLrSchedule& own) { return adaptive(own.schedule); });
    }};

std::vector<const ConfigKey*> effective_keys(const Config& config) {
  const EnvironmentSpec spec = environment_spec(config);
  std::vector<const ConfigKey*> keys;
  for (const ConfigKey& key : config_keys()) {
    if (key.of_run && unmet_need(key, config, spec) == nullptr) keys.push_back(&key);
  }
  return keys;
}

std::optional<ConfigConflict> find_idle_key(const Config& config,
                                            const std::set<std::string>& given) {
  const EnvironmentSpec spec = environment_spec(config);
  std::vector<const ConfigKey*> idle;
  for (const ConfigKey& key : config_keys()) {
    if (given.contains(key.path) && unmet_need(key, config, spec) != nullptr) idle.push_back(&key);
  }
  if (idle.empty()) {
    return given.contains(kGroupsKey) ? find_missing_group(config, spec) : std::nullopt;
  }
  const KeyNeed& need = *unmet_need(*idle[0], config, spec);
  const std::string& path = idle[0]->path;
  const bool one = idle.size() == 1;
  return ConfigConflict{
      {path},
      fmt::format("{}: it needs {}, and {}: remove {}{}{}",
                  one ? fmt::format("'{}' has no effect", path)
                      : fmt::format("{} keys have no effect, the first '{}'", idle.size(), path),
                  need.what, *need.instead == 0 ? traits(spec) : need.instead, one ? "it" : "them",
                  *need.remedy == 0 ? "" : ", or ", need.remedy)};
}

}  // namespace frost
