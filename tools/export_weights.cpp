#include "kernels/errors.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/runs/export/onnx_export.h"

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "Writes the ResNet body of a run's actor or critic as safetensors under torchvision's\n"
        "names, or a network as ONNX: a whole actor or critic, a body, the ResNet of a weight "
        "file.",
        "export_weights");
    frost::ExportOptions options;
    command_line.add("SOURCE", &options.source, "run folder; with --onnx also a weight file",
                     {.required = true});
    command_line.add(
        "--part", &options.part,
        "whose body; with --onnx: a whole side of a run, or the actor's body without its heads",
        {.one_of = {"actor", "critic", "body"}});
    command_line.add("-o,--output", &options.output, "safetensors file to write");
    command_line.add("--onnx", &options.onnx, "ONNX file to write");
    command_line.add("--checkpoint", &options.checkpoint,
                     "default: best where there is one, else last", {.one_of = {"last", "best"}});
    if (!command_line.parse(argc, argv)) return 0;
    if (options.output.empty() == options.onnx.empty()) {
      throw frost::UsageError("one of --output and --onnx is required: the file to write");
    }
    return options.onnx.empty() ? frost::export_weights(options) : frost::export_onnx(options);
  });
}
