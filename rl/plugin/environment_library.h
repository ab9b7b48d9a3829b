#pragma once

#include <filesystem>
#include <string>

#include "rl/environment.h"
#include "rl/plugin/environment_options.h"

namespace frost {

/// Whether a name means a file: it ends in ".so" or has a slash, and no "scheme:" before that.
bool names_library(const std::string& name);

/// Makes environments of a shared library that is a plugin (rl/plugin/environment_plugin.h).
///
/// A library stays loaded, as it was at first, for the life of the process. Throws UsageError for
/// what is no file, no library, no plugin, or built with other headers. The factory throws
/// UsageError for options, Error for whatever else the plugin's code throws.
EnvironmentFactory library_environment(const std::filesystem::path& file,
                                       const EnvironmentOptions::Values& options);

}  // namespace frost
