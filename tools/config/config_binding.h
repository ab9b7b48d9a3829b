#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/config/config.h"

namespace frost {

/// A YAML value as the bindings see it.
struct ConfigValue {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;                ///< of a scalar
  bool quoted = false;             ///< "5" is text, 5 is a number
  std::vector<ConfigValue> items;  ///< of a list or map
  std::vector<std::string> names;  ///< of a map: the key of each item
};

/// A text in double quotes, as YAML and JSON read it.
std::string quoted_text(const std::string& text);

struct KeyNeed;

/// One row of the table: a key, what it may be, what it means, and the struct member it sets.
struct ConfigKey {
  std::string path, type, range, doc;
  /// Throws UsageError("is ..., expected ...") without the key, which the caller knows.
  std::function<void(Config&, const ConfigValue&)> set;
  std::function<std::string(Config&)> get;  ///< as YAML; does not change the Config
  std::optional<std::string> null_means;    ///< the value `null` stands for, where it is allowed

  std::vector<const KeyNeed*> needs = {};  ///< without one of them the key has no effect
  bool of_run = true;  ///< false: of what plans runs, which themselves ignore it

  ConfigKey&& allow_null(std::string meaning) &&;
  ConfigKey&& only_with(const KeyNeed& need) &&;
  ConfigKey&& only_with(const KeyNeed& need, const KeyNeed& also) &&;
};

/// `keys`, of which all that need nothing yet need `need`.
std::vector<ConfigKey> all_with(const KeyNeed& need, std::vector<ConfigKey> keys);

/// The values a number may take.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool open_low = false, open_high = false;

  bool contains(double value) const;
  std::string text() const;  ///< ">= 1", "> 0", "in [0, 1)"; empty where all numbers are allowed
};

Interval at_least(double low);
Interval above(double low);
Interval at_most(double high);
Interval between(double low, double high);

template <typename T>
using Member = T& (*)(Config&);

ConfigKey number(std::string path, Member<int> member, Interval range, std::string doc);
ConfigKey number(std::string path, Member<std::int64_t> member, Interval range, std::string doc);
ConfigKey number(std::string path, Member<std::uint64_t> member, Interval range, std::string doc);
ConfigKey number(std::string path, Member<float> member, Interval range, std::string doc);
ConfigKey number(std::string path, Member<double> member, Interval range, std::string doc);
ConfigKey flag(std::string path, Member<bool> member, std::string doc);
ConfigKey text(std::string path, Member<std::string> member, std::string doc);
/// A path; `~/` becomes the home folder (`expand_home`).
ConfigKey file_path(std::string path, Member<std::string> member, std::string doc);

/// A list of different texts; where `names` are given, of these.
ConfigKey text_list(std::string path, Member<std::vector<std::string>> member,
                    std::vector<std::string> names, std::string doc);

/// Texts by name, written `{a: "1", b: "x"}`; numbers and flags are texts too.
ConfigKey text_map(std::string path, Member<std::map<std::string, std::string>> member,
                   std::string doc);

/// Two numbers in rising order, written `[low, high]`.
ConfigKey number_range(std::string path, Member<Range> member, Interval range, std::string doc);
/// Any number of integers, written `[a, b, ...]`.
ConfigKey int_list(std::string path, Member<std::vector<int>> member, Interval range,
                   std::string doc);
/// Two integers of the same range, written `[first, second]`.
ConfigKey int_pair(std::string path, Member<int> first, Member<int> second, Interval range,
                   std::string doc);

/// One of some names; `set` and `get` go through the index of the name.
ConfigKey choice_by_index(std::string path, const std::vector<std::string>& names,
                          const std::function<void(Config&, std::size_t)>& set,
                          const std::function<std::size_t(Config&)>& get, std::string doc);
ConfigKey choice(std::string path, Member<std::string> member,
                 const std::vector<std::string>& names, std::string doc);

template <typename Enum>
ConfigKey choice(std::string path, Member<Enum> member,
                 std::vector<std::pair<std::string, Enum>> values, std::string doc) {
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(value.first);
  return choice_by_index(
      std::move(path), std::move(names),
      [=](Config& config, std::size_t i) { member(config) = values[i].second; },
      [=](Config& config) {
        std::size_t i = 0;
        while (values.at(i).second != member(config)) ++i;
        return i;
      },
      std::move(doc));
}

}  // namespace frost
