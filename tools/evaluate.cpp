#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "kernels/errors.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/config/common_options.h"
#include "tools/runs/evaluation_outputs.h"
#include "tools/runs/evaluation_subject.h"

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
    frost::CommandLine command_line(
        "Fixed-seed evaluation of a run, or of a baseline (--policy) on a configuration's colony.",
        "evaluate");
    frost::EvaluateOptions options;
    command_line.add("RUN|CONFIG", &options.target,
                     "run folder; with --policy a configuration file", {.required = true});
    command_line.add("--policy", &options.policy, "baseline to evaluate instead of a run",
                     {.one_of = {"random", "all_spawn", "half_delete", "untrained"}});
    command_line.add("--checkpoint", &options.checkpoint,
                     "default: best where there is one, else last", {.one_of = {"last", "best"}});
    command_line.add("--episodes", &options.episodes, "number of episodes",
                     {.positive = true, .show_default = true});
    command_line.add("--sampled", &options.sampled, "sample the actions (the default)");
    command_line.add("--deterministic", &options.deterministic,
                     "take the likelier action; with --sampled, evaluate both ways");
    command_line.add("--csv", &options.files.episodes, "write one row per episode");
    command_line.add("--steps", &options.files.steps, "write one row per step: cells, rewards");
    command_line.add("--trajectories", &options.files.trajectories,
                     "write one row per cell and state: position, age, mark, decision");
    command_line.add("--render", &options.files.film,
                     "new folder for pictures: a PNG per state, a GIF per episode");
    command_line.add("--render-episodes", &options.files.film_episodes,
                     "how many episodes to render, the first ones",
                     {.positive = true, .show_default = true});
    frost::add_common_options(
        command_line, options.common,
        "Seed of the episodes (default: evaluation.seed; weights of untrained: system.seed)");
    if (!command_line.parse(argc, argv)) return 0;
    return frost::evaluate(options);
  });
}
