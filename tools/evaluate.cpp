#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "engine/io/atomic_file.h"
#include "kernels/status.h"
#include "tools/cli.h"
#include "tools/program.h"
#include "tools/run_folder.h"
#include "tools/trainer.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

struct EvaluateOptions {
  std::string target, policy, checkpoint, csv;
  int episodes = 50;
  bool sampled = false, deterministic = false;
  CommonOptions common;
};

/// What is evaluated: a network, or one of the scripted rules where there is none.
struct Subject {
  Config config;
  NetworkSetup setup;
  std::string description;
};

/// --seed is not among them: here it chooses the episodes.
std::vector<std::string> overrides_but_seed(CommonOptions common) {
  common.seed.reset();
  return config_overrides(common);
}

Subject load_run(const EvaluateOptions& options) {
  const fs::path path = find_checkpoint(options.target, options.checkpoint);
  const SafetensorsFile file = read_safetensors(path);
  const auto config = file.metadata.find("config"), updates = file.metadata.find("updates");
  if (config == file.metadata.end() || updates == file.metadata.end()) {
    throw Error(path.string() + " holds no configuration: it is no checkpoint of a run");
  }
  Subject subject;
  subject.config = parse_config(config->second, path.string(), overrides_but_seed(options.common));
  subject.setup = build_network(subject.config, false);
  load_network(*subject.setup.network, file.tensors);
  subject.description = fmt::format("{} after update {}", path.string(), updates->second);
  return subject;
}

Subject load_baseline(const EvaluateOptions& options) {
  Subject subject;
  subject.config = load_config(fs::path(options.target), overrides_but_seed(options.common));
  subject.description = "baseline " + options.policy;
  if (options.policy != "untrained") return subject;
  subject.setup = build_network(subject.config, true);
  subject.description += fmt::format(" (initial weights of seed {})", subject.config.system.seed);
  return subject;
}

constexpr std::array<std::pair<TerminationCase, const char*>, 7> kEndings = {
    {{TerminationCase::kTooManyNodes, "too many cells"},
     {TerminationCase::kNoNodes, "extinct"},
     {TerminationCase::kOutOfBounds, "out of bounds"},
     {TerminationCase::kLeftwardDrift, "leftward drift"},
     {TerminationCase::kSuccess, "success"},
     {TerminationCase::kTimeLimit, "time limit"},
     {TerminationCase::kOther, "end of the episode"}}};

std::string median_text(const EvaluationResult& result) {
  const double median = result.median_success_steps();
  return median > 0 ? fmt::format("{:g} steps", median) : "none succeeded";
}

void print_result(const std::string& name, const EvaluationResult& result,
                  const EvaluationResult* half_delete) {
  fmt::print("\n{}: {} episodes\n", name, result.episodes.size());
  fmt::print("  success rate    {:.1f} %\n", 100 * result.success_rate());
  fmt::print("  progress        {:.3f}\n", result.mean_progress());
  fmt::print("  return          {:.3f}\n", result.mean_return());
  fmt::print("  length          {:.1f} steps\n", result.mean_steps());
  if (half_delete != nullptr) {
    fmt::print("  median success  {} (half_delete on the same colonies: {})\n", median_text(result),
               median_text(*half_delete));
  }
  fmt::print("  endings         ");
  const char* separator = "";
  for (const auto& [ending, text] : kEndings) {
    const auto count = std::count_if(result.episodes.begin(), result.episodes.end(),
                                     [&](const EpisodeRecord& e) { return e.ending == ending; });
    if (count == 0) continue;
    fmt::print("{}{} {}", separator, text, count);
    separator = ", ";
  }
  fmt::print("\n");
}

std::string csv_rows(const std::string& name, const EvaluationResult& result) {
  std::string rows;
  for (const EpisodeRecord& e : result.episodes) {
    rows += fmt::format("{},{},{},{},{},{},{}\n", name, e.episode, e.steps, e.episode_return,
                        e.progress, static_cast<int>(e.ending), e.success() ? 1 : 0);
  }
  return rows;
}

int evaluate(const EvaluateOptions& options) {
  const bool baseline = !options.policy.empty();
  if (baseline && !options.checkpoint.empty()) {
    throw UsageError("--policy and --checkpoint exclude each other: a baseline has no checkpoint");
  }
  const bool scripted = baseline && options.policy != "untrained";
  if (scripted && (options.deterministic || options.sampled)) {
    throw UsageError("--sampled and --deterministic are for networks; '" + options.policy +
                     "' is a fixed rule");
  }
  const Subject subject = baseline ? load_baseline(options) : load_run(options);
  const Config& config = subject.config;
  const std::uint64_t seed = options.common.seed.value_or(config.run.eval_seed);
  if (!options.common.quiet) {
    if (!subject.setup.device_line.empty()) fmt::print("{}\n", subject.setup.device_line);
    if (baseline && !subject.setup.weights_line.empty()) {
      fmt::print("{}\n", subject.setup.weights_line);
    }
  }
  fmt::print("{}, evaluation seed {}\n", subject.description, seed);
  std::fflush(stdout);

  // Scripted rules decide per cell, whatever the network sees: the colonies are the same.
  Config cells = config;
  cells.model.observation = ObservationKind::kGraph;
  const auto run_scripted = [&](const std::string& name) {
    return evaluate_policy(environment_factory(cells), scripted_policy(name), options.episodes,
                           seed);
  };
  std::optional<EvaluationResult> half_delete;
  if (config.environment_name == "durotaxis") half_delete = run_scripted("half_delete");
  std::string csv = "policy,episode,steps,return,progress,termination_case,success\n";
  const auto show = [&](const std::string& name, const EvaluationResult& result) {
    print_result(name, result, half_delete ? &*half_delete : nullptr);
    csv += csv_rows(name, result);
  };
  if (scripted && !half_delete) {
    throw UsageError("'" + options.policy + "' decides for cells: environment.name is '" +
                     config.environment_name + "', not durotaxis");
  }
  if (scripted) {
    show(options.policy, run_scripted(options.policy));
  } else {
    const auto run_network = [&](bool deterministic) {
      return evaluate_policy(environment_factory(config),
                             network_policy(*subject.setup.network, deterministic),
                             options.episodes, seed);
    };
    if (options.sampled || !options.deterministic) show("sampled", run_network(false));
    if (options.deterministic) show("argmax", run_network(true));
  }
  if (!options.csv.empty()) write_file_atomically(options.csv, csv);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] {
    CLI::App app(
        "Fixed-seed evaluation of a run, or of a baseline (--policy) on a configuration's colony.",
        "evaluate");
    frost::EvaluateOptions options;
    app.add_option("RUN|CONFIG", options.target, "run folder; with --policy a configuration file")
        ->required();
    app.add_option("--policy", options.policy, "baseline to evaluate instead of a run")
        ->check(CLI::IsMember({"random", "all_spawn", "half_delete", "untrained"}));
    app.add_option("--checkpoint", options.checkpoint,
                   "default: best where there is one, else last")
        ->check(CLI::IsMember({"last", "best"}));
    app.add_option("--episodes", options.episodes, "number of episodes")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--sampled", options.sampled, "sample the actions (the default)");
    app.add_flag("--deterministic", options.deterministic,
                 "take the likelier action; with --sampled, evaluate both ways");
    app.add_option("--csv", options.csv, "write one row per episode");
    frost::add_common_options(app, options.common);
    app.get_option("--seed")->description(
        "Seed of the episodes (default: evaluation.seed; weights of untrained: system.seed)");
    if (!frost::parse_arguments(app, argc, argv)) return 0;
    return frost::evaluate(options);
  });
}
