#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "tools/config_schema.h"

namespace frost {
namespace {

std::string value_of(const std::string& path, Config& config) {
  const auto key = std::find_if(config_keys().begin(), config_keys().end(),
                                [&](const ConfigKey& candidate) { return candidate.path == path; });
  return key->get(config);
}

bool holds(KeyRule::Relation relation, long long value, long long other) {
  switch (relation) {
    case KeyRule::Relation::kAbove:
      return value > other;
    case KeyRule::Relation::kAtMost:
      return value <= other;
    case KeyRule::Relation::kDivisibleBy:
      return value % other == 0;
  }
  return false;
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
  }
  return "";
}

const std::vector<KeyRule>& key_rules() {
  using Relation = KeyRule::Relation;
  static const std::vector<KeyRule> rules{
      {"environment.threshold_critical_nodes", Relation::kAbove, "environment.max_critical_nodes"},
      {"environment.init_num_nodes", Relation::kAtMost, "environment.threshold_critical_nodes"},
      {"encoder.hidden_dim", Relation::kDivisibleBy, "encoder.num_heads"},
      {"encoder.out_dim", Relation::kDivisibleBy, "encoder.num_heads"},
      {"encoder.out_dim", Relation::kDivisibleBy, "actor_critic.simplicial_embedding.num_groups",
       "actor_critic.simplicial_embedding.enabled"},
      {"trainer.rollout_steps", Relation::kDivisibleBy, "trainer.num_envs"},
      {"trainer.minibatch_size", Relation::kAtMost, "trainer.rollout_steps"},
  };
  return rules;
}

std::optional<ConfigConflict> find_conflict(Config config) {
  for (const KeyRule& rule : key_rules()) {
    if (!rule.only_if.empty() && value_of(rule.only_if, config) != "true") continue;
    const std::string value = value_of(rule.key, config), other = value_of(rule.other_key, config);
    if (holds(rule.relation, std::stoll(value), std::stoll(other))) continue;
    return ConfigConflict{{rule.key, rule.other_key},
                          fmt::format("'{}' is {}, must be {} '{}' ({})", rule.key, value,
                                      rule.relation_text(), rule.other_key, other)};
  }
  return std::nullopt;
}

}  // namespace frost
