#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/reports/inference.h"

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "A ResNet on images or arrays; prints CSV: file,rank,class_index,label,probability.",
        "infer");
    frost::InferOptions options;
    command_line.add("WEIGHTS", &options.weights, "weight file in any format import_weights reads",
                     {.required = true});
    command_line.add("INPUT", &options.inputs,
                     "JPEG or PNG image, folder of them, or .npy of [3,h,w] or [n,3,h,w]",
                     {.required = true});
    command_line.add("--top", &options.top, "classes per input, of those there are",
                     {.show_default = true, .range = {{1, 1 << 20}}});
    command_line.add("--labels", &options.labels,
                     "CSV with class_index and label (default: $FROST_DATA/weights)");
    command_line.add("--features", &options.features, "write the layer's output as .npy");
    command_line.add(
        "--layer", &options.layer, "layer of --features",
        {.show_default = true, .one_of = {"pool", "fc", "layer1", "layer2", "layer3", "layer4"}});
    command_line.add("--logits", &options.logits, "write the logits [n,classes] as .npy");
    command_line.add("--device", &options.device, "where to compute",
                     {.show_default = true, .one_of = {"auto", "cpu", "cuda"}});
    command_line.add("--threads", &options.threads, frost::kThreadsHelp, {.range = {{0, 1024}}});
    if (!command_line.parse(argc, argv)) return 0;
    frost::print_text(frost::infer(options, frost::print_note));
    return 0;
  });
}
