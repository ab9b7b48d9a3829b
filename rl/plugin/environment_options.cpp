#include "rl/plugin/environment_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "kernels/errors.h"

namespace frost {
namespace {

[[noreturn]] void reject(const std::string& name, const std::string& value, const char* expected) {
  throw UsageError(
      fmt::format("environment.options: '{}' is '{}', expected {}", name, value, expected));
}

template <typename T>
T parse(const std::string& name, const std::string& value, const char* expected) {
  T number{};
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end) reject(name, value, expected);
  return number;
}

}  // namespace

const std::string* EnvironmentOptions::find(const std::string& name) const {
  read_.insert(name);
  const auto value = values_.find(name);
  return value == values_.end() ? nullptr : &value->second;
}

std::string EnvironmentOptions::text(const std::string& name, const std::string& otherwise) const {
  const std::string* const value = find(name);
  return value == nullptr ? otherwise : *value;
}

double EnvironmentOptions::number(const std::string& name, double otherwise) const {
  const std::string* const value = find(name);
  if (value == nullptr) return otherwise;
  const auto number = parse<double>(name, *value, "a number");
  if (!std::isfinite(number)) reject(name, *value, "a finite number");
  return number;
}

int EnvironmentOptions::integer(const std::string& name, int otherwise) const {
  const std::string* const value = find(name);
  return value == nullptr ? otherwise : parse<int>(name, *value, "an integer");
}

bool EnvironmentOptions::flag(const std::string& name, bool otherwise) const {
  const std::string* const value = find(name);
  if (value == nullptr) return otherwise;
  if (*value != "true" && *value != "false") reject(name, *value, "true or false");
  return *value == "true";
}

void EnvironmentOptions::refuse_unread(const std::string& environment) const {
  for (const auto& [name, value] : values_) {
    if (read_.contains(name)) continue;
    throw UsageError(fmt::format(
        "environment.options: {} has no option '{}'; {}", environment, name,
        read_.empty() ? "it has none" : fmt::format("it has {}", fmt::join(read_, ", "))));
  }
}

}  // namespace frost
