#pragma once

#include <filesystem>
#include <string>

#include "rl/evaluator.h"

namespace frost {

/// The files an evaluation is asked for; empty paths: none.
struct EvaluationFiles {
  std::filesystem::path episodes;      ///< CSV, one row per episode
  std::filesystem::path steps;         ///< CSV, one row per step
  std::filesystem::path trajectories;  ///< CSV, one row per cell and state
  std::filesystem::path film;          ///< folder of pictures
  int film_episodes = 1;

  bool show_colonies() const { return !steps.empty() || !trajectories.empty() || !film.empty(); }
};

/// Evaluates policies one after the other and collects what is asked for.
class RecordedEvaluation {
 public:
  /// Creates the folder of pictures; throws Error where it exists and is not empty, or cannot be.
  explicit RecordedEvaluation(EvaluationFiles files);

  /// As `evaluate_policy`; `name` stands in the rows and above the pictures.
  EvaluationResult run(const std::string& name, const EnvironmentFactory& make,
                       const BatchPolicy& policy, int count, std::uint64_t seed);
  /// Writes the tables, each as a whole.
  void write() const;

 private:
  EvaluationFiles files_;
  std::string episodes_, steps_, trajectories_;
};

/// What is printed of an evaluation: success, progress, return and what it is made of, lengths,
/// endings. `half_delete` is that rule on the same colonies, or null.
std::string evaluation_text(const std::string& name, const EvaluationResult& result,
                            const EvaluationResult* half_delete);

}  // namespace frost
