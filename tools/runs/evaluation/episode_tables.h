#pragma once

#include <string>
#include <vector>

#include "rl/evaluator.h"

namespace frost {

/// Text that an observer writes for each episode, given out in the order of the episodes.
class EpisodeRows : public EvaluationObserver {
 public:
  explicit EpisodeRows(std::string policy) : policy_(std::move(policy)) {}
  std::string text() const;

 protected:
  std::string& rows(int episode);
  /// "POLICY,EPISODE,STEP": the first fields of a row.
  std::string key(int episode, int step) const;

 private:
  std::string policy_;
  std::vector<std::string> rows_;
};

/// The parts of every state, the last one included, with what each is to do: one CSV row per part,
/// columns `EnvironmentSpec::detail_columns`.
class DetailRows : public EpisodeRows {
 public:
  using EpisodeRows::EpisodeRows;
  static std::string header(const EnvironmentSpec& spec);
  void before_step(int episode, const Environment& environment, const Action& action) override;
  void after_step(int episode, const Environment& environment, const StepResult& result) override;

 private:
  void append(int episode, const Environment& environment, const Action* action);
};

/// The state after every step and what the step earned: one CSV row per step.
class StepRows : public EpisodeRows {
 public:
  using EpisodeRows::EpisodeRows;
  static std::string header(const EnvironmentSpec& spec);
  void before_step(int, const Environment&, const Action&) override {}
  void after_step(int episode, const Environment& environment, const StepResult& result) override;
};

}  // namespace frost
