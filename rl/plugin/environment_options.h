#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace frost {

/// What `environment.options` of a configuration gives an environment: texts by name.
///
/// An environment reads its options while it is made; each of these functions returns `otherwise`
/// where the option is not given, and throws UsageError where it is not of that kind.
class EnvironmentOptions {
 public:
  using Values = std::map<std::string, std::string>;

  EnvironmentOptions() = default;
  explicit EnvironmentOptions(Values values) : values_(std::move(values)) {}

  std::string text(const std::string& name, const std::string& otherwise) const;
  double number(const std::string& name, double otherwise) const;  ///< finite
  int integer(const std::string& name, int otherwise) const;
  bool flag(const std::string& name, bool otherwise) const;  ///< `true` or `false`

  /// Throws UsageError that lists the options of `environment`, which are those it has read, where
  /// another one is given.
  void refuse_unread(const std::string& environment) const;

 private:
  const std::string* find(const std::string& name) const;

  Values values_;
  mutable std::set<std::string> read_;
};

}  // namespace frost
