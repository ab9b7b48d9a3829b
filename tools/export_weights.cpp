#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/runs/body_export.h"

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "Writes the ResNet body of a run's actor or critic as safetensors under torchvision's\n"
        "names, without a classifier.",
        "export_weights");
    frost::ExportOptions options;
    command_line.add("RUN", &options.run, "run folder", {.required = true});
    command_line.add("--part", &options.part, "whose body",
                     {.required = true, .one_of = {"actor", "critic"}});
    command_line.add("-o,--output", &options.output, "file to write", {.required = true});
    command_line.add("--checkpoint", &options.checkpoint,
                     "default: best where there is one, else last", {.one_of = {"last", "best"}});
    if (!command_line.parse(argc, argv)) return 0;
    return frost::export_weights(options);
  });
}
