#include "tools/config/sections/config_gymnasium.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "kernels/errors.h"
#include "tools/config/config_member.h"
#include "tools/config/config_rules.h"

namespace frost {
namespace {

std::string json_scalar(const ConfigValue& value) {
  const std::string& text = value.text;
  if (value.quoted) return quoted_text(text);
  if (text == "true" || text == "false" || text == "null") return text;
  std::int64_t whole = 0;
  double number = 0;
  const char* const end = text.data() + text.size();
  if (const auto [stop, error] = std::from_chars(text.data(), end, whole);
      stop == end && error == std::errc{}) {
    return fmt::format("{}", whole);
  }
  if (const auto [stop, error] = std::from_chars(text.data(), end, number);
      stop == end && error == std::errc{} && std::isfinite(number)) {
    // With a point or an exponent, so that Python reads a float again.
    const std::string shown = fmt::format("{}", number);
    return shown.find_first_of(".e") == std::string::npos ? shown + ".0" : shown;
  }
  return quoted_text(text);
}

ConfigKey kwargs_key() {
  ConfigKey key{"environment.kwargs",
                "group of keys",
                "",
                "keyword arguments of gymnasium.make, make_vec, envpool.make or the callable",
                {},
                {},
                {}};
  key.set = [](Config& config, const ConfigValue& value) {
    if (value.kind != ConfigValue::Kind::kMap) {
      throw UsageError("is no group of keys, expected {name: value, ...}");
    }
    config.gymnasium.kwargs = to_json(value);
  };
  key.get = [](Config& config) { return config.gymnasium.kwargs; };
  return key;
}

}  // namespace

void require_python_name(const std::string& name) {
  const bool member = name.starts_with("python:"), pool = name.starts_with("envpool:");
  const std::string rest = name.substr(name.find(':') + 1);
  const std::size_t colon = rest.rfind(':');
  const bool whole =
      member ? colon != rest.npos && colon > 0 && colon + 1 < rest.size() : !rest.empty();
  if (whole) return;
  throw UsageError(fmt::format("is '{}', expected {}", name,
                               member ? "python:MODULE:CALLABLE, such as python:my_task:make"
                               : pool ? "envpool:ID, such as envpool:Pong-v5"
                                      : "gymnasium:ID, such as gymnasium:CartPole-v1"));
}

std::string to_json(const ConfigValue& value) {
  using Kind = ConfigValue::Kind;
  if (value.kind == Kind::kNull) return "null";
  if (value.kind == Kind::kScalar) return json_scalar(value);
  std::vector<std::string> items;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const std::string item = to_json(value.items[i]);
    items.push_back(value.kind == Kind::kList
                        ? item
                        : fmt::format("{}: {}", quoted_text(value.names[i]), item));
  }
  const bool list = value.kind == Kind::kList;
  return fmt::format("{}{}{}", list ? "[" : "{", fmt::join(items, ", "), list ? "]" : "}");
}

std::vector<ConfigKey> gymnasium_keys() {
  return all_with(
      KeyNeed::kPython,
      {
          file_path("environment.python", MEMBER(gymnasium.python),
                    "interpreter of Python environments, by path or as found in PATH"),
          kwargs_key(),
          choice<PythonView>("environment.observe", MEMBER(gymnasium.view),
                             {{"state", PythonView::kState},
                              {"render", PythonView::kRender},
                              {"both", PythonView::kBoth}},
                             "what is seen: the observation, the rendered frame, or the frame with "
                             "the observation's numbers beside it"),
          number("environment.picture_size", MEMBER(gymnasium.picture_size), between(0, 4096),
                 "longer sides of pictures are reduced to so many pixels, by area; 0: none are"),
          number("environment.workers", MEMBER(gymnasium.workers), between(0, 1024),
                 "processes that share the environments; 0: as many as there are available CPUs"),
          number("environment.timeout", MEMBER(gymnasium.timeout), between(1, 86400),
                 "seconds without an answer after which a worker has failed"),
      });
}

}  // namespace frost
