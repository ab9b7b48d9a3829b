#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/runs/evaluation/evaluation.h"

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "Fixed-seed evaluation of a run, or of a baseline (--policy) in a configuration's "
        "environment.",
        "evaluate");
    frost::EvaluateOptions options;
    command_line.add("RUN|CONFIG", &options.target,
                     "run folder; with --policy a configuration file", {.required = true});
    command_line.add(
        "--policy", &options.policy,
        "baseline to evaluate instead of a run: untrained, or a rule that the environment "
        "knows (docs/config.md, \"environment\")");
    command_line.add("--checkpoint", &options.checkpoint,
                     "default: best where there is one, else last", {.one_of = {"last", "best"}});
    command_line.add("--episodes", &options.episodes, "number of episodes",
                     {.positive = true, .show_default = true});
    command_line.add("--sampled", &options.sampled, "sample the actions (the default)");
    command_line.add("--deterministic", &options.deterministic,
                     "take the likelier action; with --sampled, evaluate both ways");
    command_line.add("--csv", &options.files.episodes, "write one row per episode");
    command_line.add("--steps", &options.files.steps, "write one row per step: state, rewards");
    command_line.add("--trajectories", &options.files.trajectories,
                     "write one row per part of each state (a cell: position, age, decision)");
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
