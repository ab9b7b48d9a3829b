#include "tools/config/config_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

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

/// What an environment that shows a vector cannot honour.
std::optional<ConfigConflict> find_foreign_key(const Config& config) {
  if (has_own_section(config)) return std::nullopt;
  const EnvironmentSpec spec = environment_factory(config)()->spec();
  if (!std::holds_alternative<VectorSpec>(spec.observation)) return std::nullopt;
  const auto foreign = [&](const std::string& key, const std::string& what) {
    return ConfigConflict{
        {key, "environment.name"},
        fmt::format("'{}' {}, but '{}' observes a vector and its network has no ResNet18 bodies: "
                    "remove the key, or set environment.name to durotaxis",
                    key, what, config.environment_name)};
  };
  if (config.model.observation == ObservationKind::kImage) {
    return foreign("observation.kind", "is image");
  }
  if (!config.model.backbone.freeze_schedule.empty()) {
    return foreign("actor_critic.backbone.freeze_schedule", "freezes bodies");
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
  return find_foreign_key(config);
}

}  // namespace frost
