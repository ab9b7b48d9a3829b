#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "rl/vector_environment.h"

namespace frost {

inline std::vector<float> values_of(const Observation& observation) {
  if (const auto* picture = std::get_if<PictureObservation>(&observation)) {
    std::vector<float> all(picture->pixels.begin(), picture->pixels.end());
    all.insert(all.end(), picture->values.begin(), picture->values.end());
    return all;
  }
  return std::get<VectorObservation>(observation).values;
}

/// What one environment did in a step, and what it shows after it.
struct SeenStep {
  RewardVector reward;
  bool terminated = false, truncated = false;
  std::vector<float> final, next;
  bool operator==(const SeenStep&) const = default;
};

/// Rows of steps of `count` environments under actions drawn at random.
inline std::vector<std::vector<SeenStep>> transcript_of(const EnvironmentFactory& make, int count,
                                                        int steps) {
  VectorEnvironment environments(make, count, 5);
  RandomStream stream(7, StreamPurpose::kEvaluation, 0);
  std::vector<std::vector<SeenStep>> rows(static_cast<std::size_t>(steps));
  for (auto& row : rows) {
    std::vector<Action> actions;
    for (int i = 0; i < count; ++i) {
      actions.push_back(random_action(environments.spec().actions, stream));
    }
    for (const VectorStep& step : environments.step(actions)) {
      row.push_back(
          {step.result.reward,
           step.result.terminated,
           step.result.truncated,
           step.result.truncated ? values_of(step.final_observation) : std::vector<float>{},
           {}});
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i].next = values_of(*environments.observations()[i]);
    }
  }
  return rows;
}

/// How many episodes ended, or were cut, in them.
inline int endings(const std::vector<std::vector<SeenStep>>& rows, bool SeenStep::*how) {
  int count = 0;
  for (const auto& row : rows) {
    count += static_cast<int>(
        std::count_if(row.begin(), row.end(), [&](const SeenStep& step) { return step.*how; }));
  }
  return count;
}

}  // namespace frost
