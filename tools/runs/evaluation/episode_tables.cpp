#include "tools/runs/evaluation/episode_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tools/reports/csv.h"

namespace frost {
namespace {

std::string with_commas(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& field : fields) text += "," + csv_field(field);
  return text;
}

}  // namespace

std::string EpisodeRows::text() const {
  return std::accumulate(rows_.begin(), rows_.end(), std::string());
}

std::string& EpisodeRows::rows(int episode) {
  const auto index = static_cast<std::size_t>(episode);
  rows_.resize(std::max(rows_.size(), index + 1));
  return rows_[index];
}

std::string EpisodeRows::key(int episode, int step) const {
  return fmt::format("{},{},{}", csv_field(policy_), episode, step);
}

std::string DetailRows::header(const EnvironmentSpec& spec) {
  return "policy,episode,step" + with_commas(spec.detail_columns) + "\n";
}

void DetailRows::before_step(int episode, const Environment& environment, const Action& action) {
  append(episode, environment, &action);
}

void DetailRows::after_step(int episode, const Environment& environment, const StepResult& result) {
  if (result.done()) append(episode, environment, nullptr);
}

void DetailRows::append(int episode, const Environment& environment, const Action* action) {
  const std::string first = key(episode, environment.episode_steps());
  std::string& text = rows(episode);
  for (const std::vector<std::string>& row : environment.detail_rows(action)) {
    text += first + with_commas(row) + "\n";
  }
}

std::string StepRows::header(const EnvironmentSpec& spec) {
  std::string names = "policy,episode,step" + with_commas(spec.state_columns);
  for (const std::string& reward : spec.reward_names) names += ",reward_" + reward;
  return names + with_commas(spec.reward_columns) + ",termination_case\n";
}

void StepRows::after_step(int episode, const Environment& environment, const StepResult& result) {
  std::string row =
      key(episode, environment.episode_steps()) + with_commas(environment.state_row());
  for (const double reward : result.reward) row += fmt::format(",{}", reward);
  rows(episode) +=
      fmt::format("{}{},{}\n", row, with_commas(environment.reward_row()), result.ending_code());
}

}  // namespace frost
