#include "tools/config/config_binding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "kernels/errors.h"
#include "tools/cli/home_path.h"
#include "tools/config/config_text.h"

namespace frost {
namespace {

std::string shown(const ConfigValue& value) {
  switch (value.kind) {
    case ConfigValue::Kind::kNull:
      return "empty";
    case ConfigValue::Kind::kList:
      return fmt::format("a list of {}", value.items.size());
    case ConfigValue::Kind::kMap:
      return "a group of keys";
    case ConfigValue::Kind::kScalar:
      break;
  }
  return fmt::format("'{}'{}", value.text, value.quoted ? " in quotes" : "");
}

[[noreturn]] void reject(const ConfigValue& value, const std::string& expected) {
  throw UsageError(fmt::format("is {}, expected {}", shown(value), expected));
}

bool plain(const ConfigValue& value) {
  return value.kind == ConfigValue::Kind::kScalar && !value.quoted;
}

template <typename T>
constexpr const char* type_name() {
  return std::is_integral_v<T> ? "integer" : "number";
}

template <typename T>
T parse_number(const ConfigValue& value, const Interval& range) {
  const std::string expected = std::is_integral_v<T> ? "an integer" : "a number";
  if (!plain(value)) reject(value, expected);
  std::string_view digits = value.text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  T number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (end != digits.data() + digits.size()) reject(value, expected);
  if (error == std::errc::result_out_of_range) {
    throw UsageError(fmt::format("is {}, which does not fit; expected {} {}", value.text, expected,
                                 range.text()));
  }
  if (error != std::errc{}) reject(value, expected);
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(number)) reject(value, "a finite number");
  }
  if (!range.contains(static_cast<double>(number))) {
    throw UsageError(fmt::format("is {}, must be {}", value.text, range.text()));
  }
  return number;
}

template <typename T>
ConfigKey number_key(std::string path, Member<T> member, Interval range, std::string doc) {
  ConfigKey key{std::move(path), type_name<T>(), range.text(), std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    member(config) = parse_number<T>(value, range);
  };
  key.get = [=](Config& config) { return fmt::format("{}", member(config)); };
  return key;
}

template <typename T>
std::pair<T, T> parse_pair(const ConfigValue& value, const Interval& range) {
  if (value.kind != ConfigValue::Kind::kList || value.items.size() != 2) {
    reject(value, fmt::format("a list of two {}s, [a, b]", type_name<T>()));
  }
  return {parse_number<T>(value.items[0], range), parse_number<T>(value.items[1], range)};
}

}  // namespace

std::string quoted_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + "\"";
}

ConfigKey&& ConfigKey::allow_null(std::string meaning) && {
  null_means = std::move(meaning);
  return std::move(*this);
}

ConfigKey&& ConfigKey::only_with(const KeyNeed& need) && {
  needs = {&need};
  return std::move(*this);
}

ConfigKey&& ConfigKey::only_with(const KeyNeed& need, const KeyNeed& also) && {
  needs = {&need, &also};
  return std::move(*this);
}

std::vector<ConfigKey> all_with(const KeyNeed& need, std::vector<ConfigKey> keys) {
  for (ConfigKey& key : keys) {
    if (key.needs.empty()) key.needs = {&need};
  }
  return keys;
}

bool Interval::contains(double value) const {
  return (open_low ? value > low : value >= low) && (open_high ? value < high : value <= high);
}

std::string Interval::text() const {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (has_low && has_high) {
    return fmt::format("in {}{}, {}{}", open_low ? '(' : '[', low, high, open_high ? ')' : ']');
  }
  if (has_low) return fmt::format("{} {}", open_low ? ">" : ">=", low);
  if (has_high) return fmt::format("{} {}", open_high ? "<" : "<=", high);
  return "";
}

Interval at_least(double low) {
  return {.low = low};
}
Interval above(double low) {
  return {.low = low, .open_low = true};
}
Interval at_most(double high) {
  return {.high = high};
}
Interval between(double low, double high) {
  return {.low = low, .high = high};
}

ConfigKey number(std::string path, Member<int> member, Interval range, std::string doc) {
  return number_key(std::move(path), member, range, std::move(doc));
}
ConfigKey number(std::string path, Member<std::int64_t> member, Interval range, std::string doc) {
  return number_key(std::move(path), member, range, std::move(doc));
}
ConfigKey number(std::string path, Member<std::uint64_t> member, Interval range, std::string doc) {
  return number_key(std::move(path), member, range, std::move(doc));
}
ConfigKey number(std::string path, Member<float> member, Interval range, std::string doc) {
  return number_key(std::move(path), member, range, std::move(doc));
}
ConfigKey number(std::string path, Member<double> member, Interval range, std::string doc) {
  return number_key(std::move(path), member, range, std::move(doc));
}

ConfigKey flag(std::string path, Member<bool> member, std::string doc) {
  ConfigKey key{std::move(path), "true or false", "", std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    const bool yes = plain(value) && value.text == "true";
    if (!yes && !(plain(value) && value.text == "false")) reject(value, "true or false");
    member(config) = yes;
  };
  key.get = [=](Config& config) { return member(config) ? "true" : "false"; };
  return key;
}

ConfigKey text(std::string path, Member<std::string> member, std::string doc) {
  ConfigKey key{std::move(path), "text", "", std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kScalar) reject(value, "text");
    member(config) = value.text;
  };
  key.get = [=](Config& config) { return quoted_text(member(config)); };
  return key;
}

ConfigKey file_path(std::string path, Member<std::string> member, std::string doc) {
  ConfigKey key = text(std::move(path), member, std::move(doc));
  key.type = "path";
  key.set = [=, set_text = key.set](Config& config, const ConfigValue& value) {
    set_text(config, value);
    member(config) = expand_home(member(config));
  };
  return key;
}

ConfigKey text_list(std::string path, Member<std::vector<std::string>> member,
                    std::vector<std::string> names, std::string doc) {
  const std::string type =
      names.empty() ? "list of texts" : fmt::format("list of: {}", fmt::join(names, ", "));
  ConfigKey key{std::move(path), type, "", std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kList || value.items.empty()) reject(value, "a " + type);
    std::vector<std::string> texts;
    for (const ConfigValue& item : value.items) {
      const bool known =
          names.empty() || std::find(names.begin(), names.end(), item.text) != names.end();
      if (item.kind != ConfigValue::Kind::kScalar || !known) reject(item, "a " + type);
      if (std::find(texts.begin(), texts.end(), item.text) != texts.end()) {
        throw UsageError("has '" + item.text + "' twice");
      }
      texts.push_back(item.text);
    }
    member(config) = std::move(texts);
  };
  key.get = [=](Config& config) {
    std::vector<std::string> quoted;
    for (const std::string& text : member(config)) quoted.push_back(quoted_text(text));
    return fmt::format("[{}]", fmt::join(quoted, ", "));
  };
  return key;
}

ConfigKey text_map(std::string path, Member<std::map<std::string, std::string>> member,
                   std::string doc) {
  ConfigKey key{std::move(path), "texts by name", "", std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kMap) reject(value, "{name: value, ...}");
    std::map<std::string, std::string> texts;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const ConfigValue& item = value.items[i];
      if (item.kind != ConfigValue::Kind::kScalar) {
        throw UsageError(fmt::format("has '{}', which is {}, expected text or a number",
                                     value.names[i], shown(item)));
      }
      if (!texts.emplace(value.names[i], item.text).second) {
        throw UsageError("has '" + value.names[i] + "' twice");
      }
    }
    member(config) = std::move(texts);
  };
  key.get = [=](Config& config) {
    std::vector<std::string> texts;
    for (const auto& [name, text] : member(config)) {
      texts.push_back(fmt::format("{}: {}", quoted_text(name), quoted_text(text)));
    }
    return fmt::format("{{{}}}", fmt::join(texts, ", "));
  };
  return key;
}

ConfigKey number_range(std::string path, Member<Range> member, Interval range, std::string doc) {
  ConfigKey key{std::move(path), "[low, high]", range.text(), std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    const auto [low, high] = parse_pair<double>(value, range);
    if (low > high) throw UsageError(fmt::format("is [{}, {}], must be rising", low, high));
    member(config) = {low, high};
  };
  key.get = [=](Config& config) {
    return fmt::format("[{}, {}]", member(config).low, member(config).high);
  };
  return key;
}

ConfigKey int_list(std::string path, Member<std::vector<int>> member, Interval range,
                   std::string doc) {
  ConfigKey key{std::move(path), "list of integers", range.text(), std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kList) reject(value, "a list of integers, [a, b, ...]");
    std::vector<int> numbers;
    for (const ConfigValue& item : value.items) numbers.push_back(parse_number<int>(item, range));
    member(config) = std::move(numbers);
  };
  key.get = [=](Config& config) { return fmt::format("[{}]", fmt::join(member(config), ", ")); };
  return key;
}

ConfigKey int_pair(std::string path, Member<int> first, Member<int> second, Interval range,
                   std::string doc) {
  ConfigKey key{std::move(path), "[integer, integer]", range.text(), std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    std::tie(first(config), second(config)) = parse_pair<int>(value, range);
  };
  key.get = [=](Config& config) { return fmt::format("[{}, {}]", first(config), second(config)); };
  return key;
}

ConfigKey choice_by_index(std::string path, const std::vector<std::string>& names,
                          const std::function<void(Config&, std::size_t)>& set,
                          const std::function<std::size_t(Config&)>& get, std::string doc) {
  const std::string expected = fmt::format("one of: {}", fmt::join(names, ", "));
  ConfigKey key{std::move(path), expected, "", std::move(doc), {}, {}, {}};
  key.set = [=](Config& config, const ConfigValue& value) {
    const auto name = std::find(names.begin(), names.end(), value.text);
    if (value.kind != ConfigValue::Kind::kScalar || name == names.end()) reject(value, expected);
    set(config, static_cast<std::size_t>(name - names.begin()));
  };
  key.get = [=](Config& config) { return names[get(config)]; };
  return key;
}

ConfigKey choice(std::string path, Member<std::string> member,
                 const std::vector<std::string>& names, std::string doc) {
  return choice_by_index(
      std::move(path), names, [=](Config& config, std::size_t i) { member(config) = names[i]; },
      [=](Config& config) {
        const auto name = std::find(names.begin(), names.end(), member(config));
        if (name == names.end()) fail("to_yaml", "'" + member(config) + "' is no valid name");
        return static_cast<std::size_t>(name - names.begin());
      },
      std::move(doc));
}

}  // namespace frost
