#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/config/config.h"

namespace frost {

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

const std::vector<KeyRule>& key_rules();

/// The first of `key_rules` that `config` breaks, if any.
std::optional<ConfigConflict> find_conflict(Config config);

}  // namespace frost
