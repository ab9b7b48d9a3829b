#include "rl/plugin/environment_library.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "rl/plugin/environment_plugin.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// What the loader says, and what to do.
std::string explain(const std::string& text) {
  const std::string undefined = "undefined symbol: ";
  const std::size_t begin = text.find(undefined);
  if (begin == std::string::npos) return text + ": build it as a shared library for this machine";
  const std::string symbol = text.substr(begin + undefined.size());
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  return fmt::format(
      "it calls {}, which this program does not have: build it with the headers of this program, "
      "or link it to what has that",
      plain ? plain.get() : symbol.c_str());
}

const EnvironmentPlugin& open_library(const fs::path& file) {
  const std::string name = file.string();
  std::error_code none;
  if (!fs::exists(file, none)) {
    throw UsageError(name + " does not exist: build it, or name another library");
  }
  if (!fs::is_regular_file(file, none)) {
    throw UsageError(name + " is no file: name a shared library");
  }
  // With a slash in its name, the loader takes this file and searches for none.
  void* const library = dlopen(fs::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw UsageError(fmt::format("{} cannot be loaded: {}", name,
                                 explain(shorten_loader_error(dlerror(), fs::absolute(file)))));
  }
  const auto entry = reinterpret_cast<EnvironmentPluginEntry>(dlsym(library, kPluginEntry));
  if (entry == nullptr) {
    throw UsageError(name +
                     " is no environment: its source needs FROST_ENVIRONMENT_PLUGIN(its class)");
  }
  const EnvironmentPlugin* const plugin = entry();
  if (std::strcmp(plugin->abi, FROST_PLUGIN_ABI) != 0) {
    throw UsageError(fmt::format("{} was built with {}, this program with {}: rebuild it", name,
                                 plugin->abi, FROST_PLUGIN_ABI));
  }
  return *plugin;
}

/// A file that is built anew while a run goes on changes nothing in it, so each is loaded once.
const EnvironmentPlugin& find_plugin(const fs::path& file) {
  static std::mutex mutex;
  static std::map<fs::path, const EnvironmentPlugin*> loaded;
  const std::lock_guard lock(mutex);
  const EnvironmentPlugin*& plugin = loaded[file];
  if (plugin == nullptr) plugin = &open_library(file);
  return *plugin;
}

std::unique_ptr<Environment> make(const EnvironmentPlugin& plugin, const std::string& name,
                                  const EnvironmentOptions::Values& values) {
  const auto failed = [&](const char* cause) {
    return Error(fmt::format("{} could not make its environment: {}", name, cause));
  };
  try {
    const EnvironmentOptions options(values);
    std::unique_ptr<Environment> environment = plugin.make(options);
    options.refuse_unread(environment->spec().name);
    return environment;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {
    throw failed(error.what());
  } catch (...) {
    throw failed("something that is no std::exception was thrown");
  }
}

}  // namespace

bool names_library(const std::string& name) {
  const std::size_t slash = name.find('/'), colon = name.find(':');
  if (colon != std::string::npos && colon < slash) return false;
  return slash != std::string::npos || name.ends_with(".so");
}

EnvironmentFactory library_environment(const fs::path& file,
                                       const EnvironmentOptions::Values& options) {
  return [&plugin = find_plugin(file), name = file.string(), options] {
    return make(plugin, name, options);
  };
}

}  // namespace frost
