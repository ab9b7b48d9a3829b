#include "tools/lab/study/study_runs.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/errors.h"
#include "rl/metrics.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBaselines[] = {"half_delete", "random", "untrained"};

std::string prefixed(const std::string& variant, const std::string& rest) {
  const std::string label = variant_label(variant);
  return label.empty() ? rest : label + "-" + rest;
}

/// " --set VARIANT", or nothing for the file as it is.
std::string variant_setting(const std::string& variant) {
  if (variant.empty()) return "";
  const auto odd = [](char c) {
    return c <= ' ' || std::string_view("\"'\\$`*?;&|<>/").find(c) != std::string_view::npos;
  };
  if (variant.find('=') == variant.npos || std::any_of(variant.begin(), variant.end(), odd)) {
    throw UsageError("study.variants has '" + variant +
                     "', expected a.b=value without spaces, quotes and slashes");
  }
  return " --set " + variant;
}

/// Evaluations while training; a run may have none.
CsvTable read_evaluations(const fs::path& file) {
  if (fs::exists(file)) return CsvTable::read(file);
  return CsvTable::parse("update,eval/success_rate,eval/progress,eval/return\n", file.string());
}

}  // namespace

std::string variant_label(const std::string& variant) {
  const std::size_t dot = variant.substr(0, variant.find('=')).rfind('.');
  return dot == variant.npos ? variant : variant.substr(dot + 1);
}

std::string StudyRun::name() const {
  return prefixed(variant, fmt::format("{}-seed{}", freeze_mode, seed));
}

std::string StudyBaseline::name() const {
  return prefixed(variant, policy);
}

std::vector<StudyRun> planned_runs(const StudyConfig& study) {
  std::vector<StudyRun> runs;
  for (int seed = 0; seed < study.seeds; ++seed) {
    for (const std::string& variant : study.variants) {
      for (const std::string& mode : study.freeze_modes) runs.push_back({variant, mode, seed});
    }
  }
  return runs;
}

std::vector<StudyBaseline> planned_baselines(const StudyConfig& study) {
  std::vector<StudyBaseline> baselines;
  for (const std::string& variant : study.variants) {
    for (const char* policy : kBaselines) baselines.push_back({variant, policy});
  }
  return baselines;
}

std::string study_commands(const StudyConfig& study) {
  const std::string episodes = fmt::format("{} {}", study.episodes, study.evaluation_seed);
  std::string plan;
  for (const StudyBaseline& b : planned_baselines(study)) {
    plan += fmt::format("baseline {} {} {}{}\n", episodes, b.name(), b.policy,
                        variant_setting(b.variant));
  }
  for (const StudyRun& run : planned_runs(study)) {
    plan +=
        fmt::format("run {} {} --seed {} --set actor_critic.backbone.freeze_mode={}{}\n", episodes,
                    run.name(), run.seed, run.freeze_mode, variant_setting(run.variant));
  }
  return plan;
}

HeldOut held_out(const CsvTable& episodes, const std::string& policy) {
  HeldOut result;
  std::vector<double> steps;
  for (std::size_t i = 0; i < episodes.rows(); ++i) {
    if (episodes.text("policy", i) != policy) continue;
    const double success = episodes.number("success", i);
    result.success += success;
    result.progress += episodes.number("progress", i);
    result.episode_return += episodes.number("return", i);
    if (success > 0) steps.push_back(episodes.number("steps", i));
    ++result.episodes;
  }
  if (result.episodes == 0)
    throw Error(episodes.origin() + " holds no episode of '" + policy + "'");
  for (double* sum : {&result.success, &result.progress, &result.episode_return}) {
    *sum /= result.episodes;
  }
  result.median_steps = median(std::move(steps));
  return result;
}

std::vector<double> StudyResult::seconds() const {
  const std::vector<double> collect = timing.column("time/collect_seconds");
  const std::vector<double> learn = timing.column("time/learn_seconds");
  std::vector<double> total;
  double sum = 0;
  for (std::size_t i = 0; i < collect.size(); ++i) total.push_back(sum += collect[i] + learn[i]);
  return total;
}

StudyResults read_study(const StudyConfig& study, const fs::path& out) {
  StudyResults results;
  for (const StudyRun& run : planned_runs(study)) {
    ++results.planned;
    const fs::path folder = out / run.name(), episodes = folder / "held_out.csv";
    if (!fs::exists(episodes)) continue;
    const CsvTable held = CsvTable::read(episodes);
    results.runs.push_back({run, CsvTable::read(folder / "metrics.csv"),
                            CsvTable::read(folder / "timing.csv"),
                            read_evaluations(folder / "evaluations.csv"), held_out(held, "sampled"),
                            held_out(held, "argmax")});
  }
  for (const StudyBaseline& b : planned_baselines(study)) {
    const fs::path episodes = out / "baselines" / (b.name() + ".csv");
    if (!fs::exists(episodes)) continue;
    const std::string policy = b.policy == "untrained" ? "sampled" : b.policy;
    results.baselines.push_back({b, held_out(CsvTable::read(episodes), policy)});
  }
  return results;
}

}  // namespace frost
