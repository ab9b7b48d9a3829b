#pragma once

#include <memory>
#include <type_traits>

#include "rl/environment.h"
#include "rl/plugin/environment_options.h"
#include "rl/plugin/named_failures.h"
#include "rl/plugin/plugin_abi.h"

// What a shared library says to be an environment (docs/environments.md).

#define FROST_TEXT_OF(value) #value
#define FROST_EXPANDED_TEXT_OF(value) FROST_TEXT_OF(value)
#ifdef _LIBCPP_VERSION
#define FROST_PLUGIN_LIBRARY "libc++ " FROST_EXPANDED_TEXT_OF(_LIBCPP_VERSION)
#elif defined(_GLIBCXX_DEBUG)
#define FROST_PLUGIN_LIBRARY "libstdc++ in debug mode"
#else
#define FROST_PLUGIN_LIBRARY                                                                    \
  "libstdc++ " FROST_EXPANDED_TEXT_OF(_GLIBCXX_RELEASE) ", string ABI " FROST_EXPANDED_TEXT_OF( \
      _GLIBCXX_USE_CXX11_ABI)
#endif
/// Program and plugin hand objects to each other, so both must have been compiled with the same
/// headers and the same standard library. Which compiler did is no matter.
#define FROST_PLUGIN_ABI FROST_PLUGIN_HEADERS ", " FROST_PLUGIN_LIBRARY

namespace frost {

/// What a plugin offers.
struct EnvironmentPlugin {
  const char* abi;  ///< FROST_PLUGIN_ABI of its build, looked at before all else
  std::unique_ptr<Environment> (*make)(const EnvironmentOptions& options);
};

inline constexpr const char* kPluginEntry = "frost_environment_plugin";
using EnvironmentPluginEntry = const EnvironmentPlugin* (*)();

/// An object of class `T`, made of the options, or of nothing where its class takes none, with
/// failures that name it.
template <typename T>
std::unique_ptr<Environment> make_plugin_environment(
    [[maybe_unused]] const EnvironmentOptions& options) {
  static_assert(std::is_base_of_v<Environment, T>, "a plugin's class is a frost::Environment");
  if constexpr (std::is_constructible_v<T, const EnvironmentOptions&>) {
    return std::make_unique<NamedFailures<T>>(options);
  } else {
    return std::make_unique<NamedFailures<T>>();
  }
}

}  // namespace frost

/// Once in a shared library, outside of namespaces: makes it a plugin whose environment is `Class`.
#define FROST_ENVIRONMENT_PLUGIN(Class)                                                      \
  extern "C" __attribute__((visibility("default"))) const frost::EnvironmentPlugin*          \
  frost_environment_plugin() {                                                               \
    static constexpr frost::EnvironmentPlugin plugin{FROST_PLUGIN_ABI,                       \
                                                     frost::make_plugin_environment<Class>}; \
    return &plugin;                                                                          \
  }
