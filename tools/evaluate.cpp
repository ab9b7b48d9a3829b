#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernels/status.h"
#include "tools/cli.h"
#include "tools/evaluation_outputs.h"
#include "tools/evaluation_subject.h"
#include "tools/program.h"

namespace frost {
namespace {

struct EvaluateOptions {
  std::string target, policy, checkpoint;
  EvaluationFiles files;
  int episodes = 50;
  bool sampled = false, deterministic = false;
  CommonOptions common;
};

/// --seed is not among them: here it chooses the episodes.
std::vector<std::string> overrides_but_seed(CommonOptions common) {
  common.seed.reset();
  return config_overrides(common);
}

bool is_scripted(const EvaluateOptions& options) {
  return !options.policy.empty() && options.policy != "untrained";
}

void check_usage(const EvaluateOptions& options) {
  if (!options.policy.empty() && !options.checkpoint.empty()) {
    throw UsageError("--policy and --checkpoint exclude each other: a baseline has no checkpoint");
  }
  if (is_scripted(options) && (options.deterministic || options.sampled)) {
    throw UsageError("--sampled and --deterministic are for networks; '" + options.policy +
                     "' is a fixed rule");
  }
  if (!options.files.film.empty() && options.sampled && options.deterministic) {
    throw UsageError("--render shows one policy: choose --sampled or --deterministic");
  }
}

void print_subject(const EvaluateOptions& options, const EvaluationSubject& subject,
                   std::uint64_t seed) {
  if (!options.common.quiet) {
    if (!subject.setup.device_line.empty()) fmt::print("{}\n", subject.setup.device_line);
    if (!options.policy.empty() && !subject.setup.weights_line.empty())
      fmt::print("{}\n", subject.setup.weights_line);
  }
  fmt::print("{}, evaluation seed {}\n", subject.description, seed);
  std::fflush(stdout);
}

void refuse_colony_options(const EvaluateOptions& options, const std::string& environment) {
  const std::string what = is_scripted(options) ? "'" + options.policy + "' decides for cells"
                           : options.files.show_colonies()
                               ? "--render, --steps and --trajectories show cells"
                               : "";
  if (what.empty()) return;
  throw UsageError(what + ": environment.name is '" + environment + "', not durotaxis");
}

int evaluate(const EvaluateOptions& options) {
  check_usage(options);
  const std::vector<std::string> overrides = overrides_but_seed(options.common);
  const EvaluationSubject subject = options.policy.empty()
                                        ? load_run(options.target, options.checkpoint, overrides)
                                        : load_baseline(options.target, options.policy, overrides);
  const Config& config = subject.config;
  const bool colonies = config.environment_name == "durotaxis";
  if (!colonies) refuse_colony_options(options, config.environment_name);
  RecordedEvaluation recorded(options.files);
  const std::uint64_t seed = options.common.seed.value_or(config.run.eval_seed);
  print_subject(options, subject, seed);

  // Scripted rules decide per cell, whatever the network sees: the colonies are the same.
  Config cells = config;
  cells.model.observation = ObservationKind::kGraph;
  std::optional<EvaluationResult> half_delete;
  if (colonies) {
    half_delete = evaluate_policy(environment_factory(cells), scripted_policy("half_delete"),
                                  options.episodes, seed);
  }
  const auto show = [&](const std::string& name, const Config& seen, const BatchPolicy& policy) {
    const EvaluationResult result =
        recorded.run(name, environment_factory(seen), policy, options.episodes, seed);
    fmt::print("\n{}", evaluation_text(name, result, half_delete ? &*half_delete : nullptr));
  };
  if (is_scripted(options)) {
    show(options.policy, cells, scripted_policy(options.policy));
  } else {
    PolicyNetwork& network = *subject.setup.network;
    if (options.sampled || !options.deterministic) {
      show("sampled", config, network_policy(network, false));
    }
    if (options.deterministic) show("argmax", config, network_policy(network, true));
  }
  recorded.write();
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
    app.add_option("--csv", options.files.episodes, "write one row per episode");
    app.add_option("--steps", options.files.steps, "write one row per step: cells, rewards");
    app.add_option("--trajectories", options.files.trajectories,
                   "write one row per cell and state: position, age, mark, decision");
    app.add_option("--render", options.files.film,
                   "new folder for pictures: a PNG per state, a GIF per episode");
    app.add_option("--render-episodes", options.files.film_episodes,
                   "how many episodes to render, the first ones")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    frost::add_common_options(app, options.common);
    app.get_option("--seed")->description(
        "Seed of the episodes (default: evaluation.seed; weights of untrained: system.seed)");
    if (!frost::parse_arguments(app, argc, argv)) return 0;
    return frost::evaluate(options);
  });
}
