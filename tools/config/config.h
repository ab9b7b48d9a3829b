#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/policies/actor_critic_config.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/envs/gymnasium/gymnasium_config.h"
#include "rl/envs/pixels/appearance.h"
#include "rl/plugin/environment_options.h"
#include "rl/ppo/ppo_config.h"

namespace frost {

/// Where and how a program computes.
struct SystemConfig {
  std::string device = "auto";  ///< auto | cpu | cuda
  int threads = 0;              ///< 0: as set_thread_budget
  std::uint64_t seed = 0;       ///< `null` in the file means 0
  std::string precision = "fp32";
  bool deterministic = true;  ///< false only permits faster kernels with varying sums
  bool cuda_graphs = false;   ///< on a GPU, replay minibatches of equal shapes as CUDA graphs
};

/// What a run writes, and how often it is evaluated; intervals count updates.
struct RunConfig {
  std::string save_dir = "runs";
  int checkpoint_every = 10;  ///< 0: only at the end
  double rank_timeout = 10;   ///< seconds that one of several processes waits; 0: for ever
  int eval_every = 25;        ///< 0: never
  int eval_episodes = 20;
  std::uint64_t eval_seed = 12345;
};

/// A comparison of freeze modes over several seeds; docs/study.md.
struct StudyConfig {
  std::vector<std::string> freeze_modes{"none", "all", "until_layer3", "layer4.1", "bn_affine"};
  /// Each "a.b=value" is one more setting in which all modes are trained; "" is the file as it is.
  std::vector<std::string> variants{""};
  int seeds = 3;       ///< 0 … seeds - 1
  int episodes = 100;  ///< of the evaluation after training
  std::uint64_t evaluation_seed = 777;
};

/// How a drawn environment looks.
struct AppearanceConfig {
  Appearance look;          ///< without backgrounds, which are loaded where environments are made
  std::string backgrounds;  ///< a folder; empty: none
};

/// Everything a configuration file says; docs/config.md lists the keys.
struct Config {
  /// One of configurable_environment_names(), a Python environment's, or the full path of a
  /// library.
  std::string environment_name = "durotaxis";
  EnvironmentOptions::Values environment_options;  ///< of an environment in a library
  DurotaxisConfig environment;
  AppearanceConfig appearance;
  GymnasiumConfig gymnasium;  ///< where that is a Python environment
  ActorCriticConfig model;
  PpoConfig ppo;
  SystemConfig system;
  RunConfig run;
  StudyConfig study;
};

/// Reads a YAML file over the defaults, then the overrides ("a.b=value", later ones win).
///
/// Throws UsageError, naming file, line, key and remedy, for what it does not understand, for keys
/// that contradict each other and for keys that the configured environment and its network do not
/// read. A key of the file that an override leaves without effect is passed over.
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The same from text; `origin` stands for the file name in messages.
Config parse_config(const std::string& yaml_text, const std::string& origin,
                    const std::vector<std::string>& overrides);

/// The same from what `to_yaml` wrote into a run. Keys in it that have no effect, as earlier
/// versions wrote them, are passed over.
Config parse_run_config(const std::string& yaml_text, const std::string& origin,
                        const std::vector<std::string>& overrides);

}  // namespace frost
