#include "tools/cli.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "kernels/status.h"

namespace frost {
namespace {

/// CLI11 would wrap -1 around and cut 2^64 off. Returns what is wrong, empty if nothing.
std::string seed_problem(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  const bool good = error == std::errc{} && end == text.data() + text.size();
  return good ? "" : "'" + text + "' is not an integer from 0 to 2^64 - 1";
}

}  // namespace

void add_common_options(CLI::App& app, CommonOptions& options) {
  app.add_option("--set", options.overrides, "Override a key of the configuration, repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--seed", options.seed, "Seed of everything random in the run")
      ->type_name("UINT")
      ->check(seed_problem);
  app.add_option("--device", options.device, "Where to compute (auto: a usable GPU, else the CPU)")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  app.add_option("--threads", options.threads,
                 "CPU threads (0: OMP_NUM_THREADS, else the CPUs of affinity and container quota; "
                 "more do no harm)")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--quiet", options.quiet, "Print results and errors only");
}

bool parse_arguments(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(std::string(error.what()) + " (see --help)");
    app.exit(error);  // prints the help
    return false;
  }
}

std::vector<std::string> config_overrides(const CommonOptions& options) {
  std::vector<std::string> all = options.overrides;
  if (options.seed) all.push_back("system.seed=" + std::to_string(*options.seed));
  if (!options.device.empty()) all.push_back("system.device=" + options.device);
  if (options.threads) all.push_back("system.threads=" + std::to_string(*options.threads));
  return all;
}

Config load_config(const std::string& path, const CommonOptions& options) {
  return load_config(std::filesystem::path(path), config_overrides(options));
}

}  // namespace frost
