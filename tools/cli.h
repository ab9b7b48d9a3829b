#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/config.h"

namespace CLI {
class App;
}

namespace frost {

/// The options of every program that takes a configuration file.
struct CommonOptions {
  std::vector<std::string> overrides;  ///< "a.b=value", in the order given
  std::optional<std::uint64_t> seed;
  std::string device;  ///< empty: as configured
  std::optional<int> threads;
  bool quiet = false;
};

/// Declares --set, --seed, --device, --threads and --quiet; `options` must outlive the parsing.
void add_common_options(CLI::App& app, CommonOptions& options);

/// Parses the command line. False: the help was asked for and printed, so the program ends with 0.
/// Throws UsageError for a wrong command line; call it inside `run_program`.
bool parse_arguments(CLI::App& app, int argc, const char* const* argv);

/// The options as overrides for `parse_config`: --set, then --seed, --device and --threads.
std::vector<std::string> config_overrides(const CommonOptions& options);

/// Reads a configuration file; the options override it, --seed, --device and --threads over --set.
Config load_config(const std::string& path, const CommonOptions& options);

}  // namespace frost
