#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/config/common_options.h"
#include "tools/lab/counts/gpu_card.h"
#include "tools/lab/freeze_bench_run.h"

int main(int argc, char** argv) {
  return frost::run_program(
      [&] {
        frost::CommandLine command_line(
            "Memory by category and steps per second of PPO for each freeze mode.", "bench_freeze");
        frost::BenchOptions options;
        command_line.add("CONFIG", &options.config,
                         "network and PPO settings (default: the defaults)");
        command_line.add("--modes", &options.modes,
                         "freeze modes, and impala for the body from scratch, comma-separated "
                         "(default: study.freeze_modes, or impala where actor_critic.body is)",
                         {.comma_list = true});
        command_line.add("--observation", &options.observation, "kind of observation",
                         {.show_default = true, .one_of = {"graph", "image", "both"}});
        command_line.add(
            "--plain", &options.plain,
            "measure every mode also with savings turned off: all, or some of folding, "
            "cache, sharing, dead_taps, comma-separated",
            {.comma_list = true, .one_of = {"all", "folding", "cache", "sharing", "dead_taps"}});
        command_line.add("--steps", &options.workload.steps, "transitions of one update",
                         {.positive = true, .show_default = true});
        command_line.add("--minibatch", &options.workload.minibatch, "states of one minibatch",
                         {.positive = true, .show_default = true});
        command_line.add("--epochs", &options.workload.epochs, "epochs of one update",
                         {.positive = true, .show_default = true});
        command_line.add("--image-size", &options.workload.image_size, "side of the pictures",
                         {.show_default = true, .range = {{24, 1024}}});
        command_line.add("--repetitions", &options.workload.repetitions, "updates of each mode",
                         {.positive = true, .show_default = true});
        command_line.add("--graphs", &options.workload.graphs,
                         "replay minibatches of equal shapes as CUDA graphs");
        command_line.add("--count", &options.count,
                         "count what the device is asked to do in one update and its parts");
        command_line.add("--card", &options.card, "the GPU whose limits stand beside the counts",
                         {.show_default = true, .one_of = frost::gpu_card_names()});
        command_line.add("--json", &options.json, "write the rows as JSON");
        command_line.add("--html", &options.html, "write the rows as a page with bars");
        command_line.add("--record", &options.record,
                         "write the recorded workload as safetensors and measure nothing");
        frost::add_common_options(command_line, options.common);
        if (!command_line.parse(argc, argv)) return 0;
        return frost::bench(options);
      },
      frost::kMemoryAdvice);
}
