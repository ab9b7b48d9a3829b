#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/runs/trainer.h"

namespace frost {

/// What is evaluated: a network, or one of the scripted rules where there is none.
struct EvaluationSubject {
  Config config;
  NetworkSetup setup;
  std::string description;
  std::string note;  ///< why another checkpoint was taken than the one asked for; mostly empty
};

/// The network of a run's checkpoint `which` ("best", "last" or empty, as
/// `CheckpointFolder::read`). What it observes and how it acts come from the configuration in the
/// checkpoint, whatever stands in the run's folder. Throws UsageError where an override asks for
/// other actions, since heads that never trained must not act, or for another form of the network.
/// Throws Error where the checkpoint is none.
EvaluationSubject load_run(const std::filesystem::path& run, const std::string& which,
                           const std::vector<std::string>& overrides);

/// A baseline in the environment of a configuration file: `untrained`, or one of its scripted
/// policies. Throws UsageError that lists them for another name.
EvaluationSubject load_baseline(const std::filesystem::path& config, const std::string& policy,
                                const std::vector<std::string>& overrides);

}  // namespace frost
