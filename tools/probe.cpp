#include "tools/lab/probe.h"
#include "engine/io/atomic_file.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/config/common_options.h"

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "Which layer of the bodies carries what a task needs: linear read-outs of the reward to "
        "come and of the state, from recorded pictures.",
        "probe");
    std::string config, json;
    int steps = 1536, frames = 3;
    frost::CommonOptions common;
    command_line.add("CONFIG", &config, "configuration file", {.required = true});
    command_line.add("--steps", &steps, "states to record",
                     {.show_default = true, .range = {{48, 8192}}});
    command_line.add("--frames", &frames, "frames of a state, up to this many",
                     {.show_default = true, .range = {{1, 8}}});
    command_line.add("--json", &json, "write the table");
    frost::add_common_options(command_line, common);
    if (!command_line.parse(argc, argv)) return 0;
    const frost::ProbeTable table =
        frost::probe_taps(frost::load_config(config, common), steps, frames);
    if (!common.quiet) {
      frost::print_out("weights: {}\nstates: {} under {}\n\n", table.weights, steps, table.policy);
    }
    frost::print_out("{}", frost::probe_text(table));
    if (!json.empty()) frost::write_file_atomically(json, frost::probe_json(table));
    return 0;
  });
}
