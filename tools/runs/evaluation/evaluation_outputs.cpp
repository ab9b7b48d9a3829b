#include "tools/runs/evaluation/evaluation_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "tools/reports/csv.h"
#include "tools/runs/evaluation/episode_film.h"
#include "tools/runs/evaluation/episode_tables.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

std::string episodes_header(const EnvironmentSpec& spec) {
  std::string names = "policy,episode,steps,return,progress,termination_case,success";
  for (std::size_t c = kTotal + 1; c < spec.reward_names.size(); ++c) {
    names += ",reward_" + spec.reward_names[c];
  }
  return names + "\n";
}

std::string episode_rows(const std::string& name, const EvaluationResult& result) {
  std::string rows;
  for (std::size_t i = 0; i < result.episodes.size(); ++i) {
    const EpisodeRecord& e = result.episodes[i];
    rows += fmt::format("{},{},{},{},{},{},{}", csv_field(name), e.episode, e.steps,
                        e.episode_return, e.progress, e.ending, e.success ? 1 : 0);
    for (std::size_t c = kTotal + 1; c < result.rewards[i].size(); ++c) {
      rows += fmt::format(",{}", result.rewards[i][c]);
    }
    rows += "\n";
  }
  return rows;
}

std::string median_text(const EvaluationResult& result) {
  const double median = result.median_success_steps();
  return median > 0 ? fmt::format("{:g} steps", median) : "none succeeded";
}

/// "graph 0.512, edge 0.3": the components that were earned at all.
std::string components_text(const EvaluationResult& result, const EnvironmentSpec& spec) {
  const RewardVector mean = result.mean_rewards();
  std::string text;
  for (std::size_t c = kTotal + 1; c < mean.size(); ++c) {
    const auto earned = [c](const RewardVector& episode) { return episode[c] != 0; };
    if (std::none_of(result.rewards.begin(), result.rewards.end(), earned)) continue;
    text += fmt::format("{}{} {:.3f}", text.empty() ? "" : ", ", spec.reward_names[c], mean[c]);
  }
  return text;
}

std::string endings_text(const EvaluationResult& result, const EnvironmentSpec& spec) {
  std::string text;
  for (const Ending& ending : spec.endings) {
    const auto count =
        std::count_if(result.episodes.begin(), result.episodes.end(),
                      [&](const EpisodeRecord& e) { return e.ending == ending.code; });
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", ending.name, count);
  }
  return text;
}

}  // namespace

void EvaluationFiles::require_of(const EnvironmentSpec& spec) const {
  if (!trajectories.empty() && spec.detail_columns.empty()) {
    throw UsageError("--trajectories: " + spec.name + " has no parts to write a row for");
  }
  if (!film.empty() && !spec.renders) {
    throw UsageError("--render: " + spec.name + " draws no pictures");
  }
}

RecordedEvaluation::RecordedEvaluation(EvaluationFiles files, EnvironmentSpec spec)
    : files_(std::move(files)),
      spec_(std::move(spec)),
      episodes_(episodes_header(spec_)),
      steps_(StepRows::header(spec_)),
      trajectories_(DetailRows::header(spec_)) {
  if (files_.film.empty()) return;
  std::error_code error;
  if (fs::exists(files_.film, error) && !fs::is_empty(files_.film, error)) {
    throw Error(files_.film.string() + " exists already: give a new folder for the pictures");
  }
  fs::create_directories(files_.film, error);
  if (error) throw Error("cannot create " + files_.film.string() + ": " + error.message());
}

EvaluationResult RecordedEvaluation::run(const std::string& name, const EnvironmentFactory& make,
                                         const BatchPolicy& policy, int count, std::uint64_t seed) {
  StepRows steps(name);
  DetailRows details(name);
  const auto to_folder = [this](const std::string& file, const std::string& content) {
    write_file_atomically(files_.film / file, content);
  };
  EpisodeFilm film(to_folder, files_.film_episodes, name);
  std::vector<EvaluationObserver*> observers;
  if (!files_.steps.empty()) observers.push_back(&steps);
  if (!files_.trajectories.empty()) observers.push_back(&details);
  if (!files_.film.empty()) observers.push_back(&film);
  EvaluationResult result = evaluate_policy(make, policy, count, seed, observers);
  episodes_ += episode_rows(name, result);
  steps_ += steps.text();
  trajectories_ += details.text();
  return result;
}

void RecordedEvaluation::write() const {
  if (!files_.episodes.empty()) write_file_atomically(files_.episodes, episodes_);
  if (!files_.steps.empty()) write_file_atomically(files_.steps, steps_);
  if (!files_.trajectories.empty()) write_file_atomically(files_.trajectories, trajectories_);
}

std::string evaluation_text(const std::string& name, const EvaluationResult& result,
                            const EnvironmentSpec& spec, const EvaluationResult* reference) {
  std::string text = fmt::format("{}: {} episodes\n", name, result.episodes.size());
  const auto line = [&](const char* label, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<15} {}\n", label, value);
  };
  if (spec.has_goal) {
    line("success rate", fmt::format("{:.1f} %", 100 * result.success_rate()));
    line("progress", fmt::format("{:.3f}", result.mean_progress()));
  }
  line("return", fmt::format("{:.3f}", result.mean_return()));
  line("  made of", components_text(result, spec));
  line("length", fmt::format("{:.1f} steps", result.mean_steps()));
  if (reference != nullptr) {
    line("median success", fmt::format("{} ({} on the same episodes: {})", median_text(result),
                                       spec.reference_policy, median_text(*reference)));
  }
  line("endings", endings_text(result, spec));
  return text;
}

}  // namespace frost
