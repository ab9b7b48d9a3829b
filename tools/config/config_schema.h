#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/config/config_binding.h"

namespace frost {

/// A first level of the file, with its one-line description.
struct ConfigSection {
  std::string name, doc;
};

/// A key whose feature exists in one form only: any other value is an error.
struct FixedKey {
  std::string path, value, reason;
};

/// A key of earlier configuration files, or of a feature that is not there, and what to do instead.
/// Stands for everything below it; a trailing `*` matches any ending.
struct RetiredKey {
  std::string path, remedy;
};

/// A relation between the values of two keys: numbers, integers for `kDivisibleBy`, or flags for
/// the last two.
struct KeyRule {
  enum class Relation { kAbove, kAtMost, kDivisibleBy, kExclusiveWith, kOnlyWith };

  std::string key;
  Relation relation;
  std::string other_key;
  std::string only_if{};  ///< a key that is true where the rule holds; empty: everywhere

  std::string relation_text() const;
};

/// A broken rule: the keys to look at, and what is wrong.
struct ConfigConflict {
  std::vector<std::string> keys;
  std::string message;
};

/// The single table behind parsing, checks, `to_yaml` and docs/config.md, grouped by section.
const std::vector<ConfigKey>& config_keys();
const std::vector<ConfigSection>& config_sections();
/// The part of it that says what a step earns.
std::vector<ConfigKey> reward_keys();
const std::vector<FixedKey>& fixed_keys();
const std::vector<RetiredKey>& retired_keys();
const std::vector<KeyRule>& key_rules();

/// The first of `key_rules` that `config` breaks, if any.
std::optional<ConfigConflict> find_conflict(Config config);

}  // namespace frost
