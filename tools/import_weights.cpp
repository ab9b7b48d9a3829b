#include <string>
#include <vector>

#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/reports/import_report.h"
#include "weights/preprocessing_record.h"
#include "weights/pretrained.h"

namespace frost {
namespace {

int import_weights(int argc, char** argv) {
  CommandLine command_line(
      "Turns a checkpoint that holds a ResNet 18, 34 or 50 (safetensors, any file of torch.save "
      "or\n"
      "torch.jit.save) into the weight file the other programs read. Nothing in it is executed.");
  std::string input, output, licence;
  std::vector<std::string> preprocessing;
  command_line.add("IN", &input, "Checkpoint, or the folder of an unpacked one",
                   {.required = true});
  command_line.add("-o,--output", &output,
                   "File to write (default: weights/resnet18.safetensors, or of another depth)");
  command_line.add("--preprocessing", &preprocessing,
                   "KEY=VALUE of the preprocessing record, in place of what the file says");
  command_line.add("--licence", &licence, "Note on the licence, kept in the file");
  MapOptions options;
  command_line.add("--prefix", &options.prefix, "Where in the file the body lies, of several");
  command_line.add("--no-head", &options.no_head, "Leave the classifier out");
  if (!command_line.parse(argc, argv)) return 0;

  PretrainedWeights weights = examine_weights(input, options);
  if (const std::string warning = digest_warning(input, weights.sha256); !warning.empty()) {
    print_note(warning);
  }
  for (const std::string& assignment : preprocessing) {
    set_preprocessing(weights.preprocessing, assignment);
  }
  require_sound(weights.preprocessing, input);
  if (!licence.empty()) weights.licence = licence;

  const ResNetMapping& mapping = weights.mapping;
  const std::string findings =
      identity_text(input, weights.sha256, weights.format) + mapping_text(mapping);
  if (!mapping.complete()) print_text(findings);
  require_complete(mapping, input);
  const std::string listing = tensor_table(mapping, weights.dtypes) + totals_text(mapping) +
                              "preprocessing: " + to_string(weights.preprocessing) + "\n";
  if (output.empty()) output = default_weights_path(mapping.depth);
  // The file comes before the listing, which may wait for its reader.
  write_safetensors(output, to_blob(std::move(weights)));
  print_text(findings + listing);
  print_out("written: {}\n", output);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] { return frost::import_weights(argc, argv); });
}
