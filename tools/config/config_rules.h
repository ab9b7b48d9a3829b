#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rl/environment_spec.h"
#include "tools/config/config_binding.h"

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

/// What a key needs to have an effect, of the environment or of another key.
struct KeyNeed {
  const char* what;     ///< as in "needs ..."
  const char* instead;  ///< what there is without it; empty: traits of the environment say so
  const char* remedy;   ///< how one gets it; empty: not in this environment
  bool (*met)(const Config&, const EnvironmentSpec&);

  static const KeyNeed kColony, kGraph, kPicture, kColonyPicture, kFrames, kBodies, kResNet,
      kVector,
      kLibrary;                                                                     // observation
  static const KeyNeed kChoices, kContinuous, kBothParts, kParameters, kTimeLimit;  // action, end
  static const KeyNeed kComponents;                                                 // reward
  static const KeyNeed kAppearance;                                                 // drawing
  static const KeyNeed kPython;                                                     // environment
  static const KeyNeed kEarlyStop, kAdaptiveRate;                                   // other keys
};

/// The keys that a run of `config` reads, in the order of the table.
std::vector<const ConfigKey*> effective_keys(const Config& config);

/// The key that names groups of parameters.
inline constexpr const char* kGroupsKey = "algorithm.lr_schedule.groups";

/// The first key of `given`, by the table, that has no effect in `config` or names a group of
/// parameters that its network lacks, if any.
std::optional<ConfigConflict> find_idle_key(const Config& config,
                                            const std::set<std::string>& given);

}  // namespace frost
