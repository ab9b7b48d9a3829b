#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/cli/command_line.h"
#include "tools/config/config.h"

namespace frost {

/// The options of every program that takes a configuration file.
struct CommonOptions {
  std::vector<std::string> overrides;  ///< "a.b=value", in the order given
  std::optional<std::uint64_t> seed;
  std::string device;  ///< empty: as configured
  std::optional<int> threads;
  bool quiet = false;
};

/// For `run_program`: what to lower where a training does not fit into memory.
inline constexpr const char* kMemoryAdvice =
    "; lower trainer.minibatch_size, trainer.rollout_steps or trainer.num_envs, or freeze more "
    "(actor_critic.backbone.freeze_mode)";

/// Declares --set, --seed, --device, --threads and --quiet; `options` must outlive the parsing.
void add_common_options(
    CommandLine& command_line, CommonOptions& options,
    const std::string& seed_description = "Seed of everything random in the run");

/// The options as overrides for `parse_config`: --set, then --seed, --device and --threads.
std::vector<std::string> config_overrides(const CommonOptions& options);

/// Reads a configuration file; the options override it, --seed, --device and --threads over --set.
Config load_config(const std::string& path, const CommonOptions& options);

}  // namespace frost
