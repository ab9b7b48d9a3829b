#include "tools/config/common_options.h"

namespace frost {

void add_common_options(CommandLine& command_line, CommonOptions& options,
                        const std::string& seed_description) {
  command_line.add("--set", &options.overrides, "Override a key of the configuration, repeatable",
                   {.type = "KEY=VALUE"});
  command_line.add("--seed", &options.seed, seed_description);
  command_line.add("--device", &options.device,
                   "Where to compute (auto: a usable GPU, else the CPU)",
                   {.one_of = {"auto", "cpu", "cuda"}});
  command_line.add("--threads", &options.threads, kThreadsHelp, {.range = {{0, 1024}}});
  command_line.add("--quiet", &options.quiet, "Print results and errors only");
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
