#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/config/common_options.h"
#include "tools/lab/run_forecast.h"
#include "tools/runs/training.h"

int main(int argc, char** argv) {
  return frost::run_program(
      [&] {
        frost::CommandLine command_line("Trains an actor-critic by PPO; leaves a run folder.",
                                        "train");
        frost::TrainOptions options;
        command_line.add("CONFIG", &options.config, "configuration file; with --resume not needed");
        command_line.add("--out", &options.out,
                         "run folder (default: next free number in save_dir)");
        command_line.add("--resume", &options.resume,
                         "run folder to go on with, in place, as it was begun");
        command_line.add(
            "--replay", &options.replay,
            "failure state of a run: repeat the step that gave a value that is not finite");
        command_line.add("--stop-after", &options.stop_after,
                         "stop when this many updates are done", {.positive = true});
        command_line.add(
            "--profile", &options.profile,
            "time every kernel (on a GPU: its enqueueing) and print the table at the end");
        bool forecast = false;
        command_line.add("--forecast", &forecast,
                         "begin no run: print what CONFIG's would hold, from a dry run, and how "
                         "fast it would be, from a probe of 5 seconds");
        frost::add_common_options(command_line, options.common);
        if (!command_line.parse(argc, argv)) return 0;
        if (forecast) return frost::forecast_run(frost::config_to_forecast(options));
        return frost::train(options);
      },
      frost::kMemoryAdvice);
}
