#pragma once

#include <filesystem>
#include <string>

#include "rl/evaluator.h"

namespace frost {

/// The files an evaluation is asked for; empty paths: none.
struct EvaluationFiles {
  std::filesystem::path episodes;      ///< CSV, one row per episode
  std::filesystem::path steps;         ///< CSV, one row per step
  std::filesystem::path trajectories;  ///< CSV, one row per part of a state
  std::filesystem::path film;          ///< folder of pictures
  int film_episodes = 1;

  /// Throws UsageError where the environment has not what is asked for.
  void require_of(const EnvironmentSpec& spec) const;
};

/// Evaluates policies one after the other and collects what is asked for.
class RecordedEvaluation {
 public:
  /// `spec` is that of the environments. Creates the folder of pictures; throws Error where it
  /// exists and is not empty, or cannot be.
  RecordedEvaluation(EvaluationFiles files, EnvironmentSpec spec);

  /// As `evaluate_policy`; `name` stands in the rows and above the pictures.
  EvaluationResult run(const std::string& name, const EnvironmentFactory& make,
                       const BatchPolicy& policy, int count, std::uint64_t seed);
  /// Writes the tables, each as a whole.
  void write() const;

 private:
  EvaluationFiles files_;
  EnvironmentSpec spec_;
  std::string episodes_, steps_, trajectories_;
};

/// What is printed of an evaluation: success, progress, return and what it is made of, lengths,
/// endings. `reference` is the environment's reference policy on the same episodes, or null.
std::string evaluation_text(const std::string& name, const EvaluationResult& result,
                            const EnvironmentSpec& spec, const EvaluationResult* reference);

}  // namespace frost
