#include "tests/gpu_double/settings.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

namespace frost::gpu_double {
namespace {

const std::map<std::string, Settings::Engines> kEngines = {
    {"all", Settings::Engines::kAll},
    {"none", Settings::Engines::kNone},
    {"large", Settings::Engines::kAboveCeiling},
    {"tensor_core", Settings::Engines::kTensorCore},
    {"compiled", Settings::Engines::kCompiled},
    {"ceiling", Settings::Engines::kFullCeiling}};

std::int64_t number(const std::string& word, const std::string& value) {
  char* end = nullptr;
  const long long n = std::strtoll(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0' || n < 0) violation("FROST_GPU_DOUBLE: no number in " + word);
  return n;
}

void set_from(const std::string& word, Settings& s) {
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  if (word == "async") {
    s.asynchronous = true;
  } else if (word == "aligned_bf16") {
    s.aligned_bf16_only = true;
  } else if (word == "gemm_workspace") {
    s.largest_workspace = true;
  } else if (word == "driver=none") {
    s.driver_version = 0;
  } else if (word == "driver=old") {
    s.driver_version = 11040;
  } else if (name == "engines" && kEngines.contains(value)) {
    s.engines = kEngines.at(value);
  } else if (name == "seed") {
    s.seed = static_cast<std::uint64_t>(number(word, value));
  } else if (name == "unsupported_plans") {
    s.unsupported_plans = static_cast<int>(number(word, value));
  } else if (name == "fail_allocation") {
    s.failing_allocation = number(word, value);
  } else if (name == "idle_after") {
    s.idle_after = number(word, value);
  } else if (name == "out_of_memory") {
    s.last_allocation = number(word, value);
  } else {
    violation("FROST_GPU_DOUBLE: unknown word '" + word + "'");
  }
}

Settings& current() {
  const char* const words = std::getenv("FROST_GPU_DOUBLE");
  static Settings read_once = parse_settings(words == nullptr ? "" : words);
  return read_once;
}

}  // namespace

Settings parse_settings(const std::string& words) {
  Settings s;
  std::istringstream stream(words);
  for (std::string word; stream >> word;) set_from(word, s);
  return s;
}

const Settings& settings() {
  return current();
}

SettingsScope::SettingsScope(const Settings& others) : before_(std::exchange(current(), others)) {}

SettingsScope::~SettingsScope() {
  current() = before_;
}

void violation(const std::string& what) {
  std::fprintf(stderr, "gpu double: %s\n", what.c_str());
  std::abort();
}

}  // namespace frost::gpu_double
