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
};

/// The network of a run's checkpoint `which` ("best", "last" or empty, as `find_checkpoint`). What
/// it observes and how it acts come from the configuration in the checkpoint, whatever stands in
/// the run's folder. Throws UsageError where an override asks for another stage: spawn heads that
/// never trained must not act. Throws Error where the checkpoint is none.
EvaluationSubject load_run(const std::filesystem::path& run, const std::string& which,
                           const std::vector<std::string>& overrides);

/// A baseline on the colony of a configuration file: `untrained`, or a name that
/// `scripted_policy` knows.
EvaluationSubject load_baseline(const std::filesystem::path& config, const std::string& policy,
                                const std::vector<std::string>& overrides);

}  // namespace frost
