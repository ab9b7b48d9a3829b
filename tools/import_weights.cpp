#include <map>
#include <string>

#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/reports/import_report.h"
#include "weights/resnet_blob.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

SafetensorsFile make_blob(ResNetMapping mapping, const WeightFile& source) {
  SafetensorsFile blob = resnet_blob(std::move(mapping.tensors), mapping.depth);
  blob.metadata["source_format"] = source.format;
  blob.metadata["source_sha256"] = source.sha256;
  if (is_torchvision(source.sha256)) blob.metadata["source"] = "torchvision IMAGENET1K_V1";
  return blob;
}

int import_weights(int argc, char** argv) {
  CommandLine command_line(
      "Turns a checkpoint that holds a ResNet 18, 34 or 50 (safetensors, any file of torch.save "
      "or\n"
      "torch.jit.save) into the weight file the other programs read. Nothing in it is executed.");
  std::string input, output = "weights/resnet18.safetensors";
  command_line.add("IN", &input, "Checkpoint, or the folder of an unpacked one",
                   {.required = true});
  command_line.add("-o,--output", &output, "File to write", {.show_default = true});
  MapOptions options;
  command_line.add("--prefix", &options.prefix, "Where in the file the body lies, of several");
  command_line.add("--no-head", &options.no_head, "Leave the classifier out");
  if (!command_line.parse(argc, argv)) return 0;

  WeightFile checkpoint = open_weight_file(input);
  if (const std::string warning = digest_warning(input, checkpoint.sha256); !warning.empty()) {
    print_note(warning);
  }

  std::map<std::string, std::string> dtypes;
  for (const auto& [name, tensor] : checkpoint.tensors) dtypes[name] = tensor.dtype;
  ResNetMapping mapping = map_resnet(std::move(checkpoint.tensors), options);
  mapping.notes.insert(mapping.notes.begin(), checkpoint.notes.begin(), checkpoint.notes.end());
  const std::string findings =
      identity_text(input, checkpoint.sha256, checkpoint.format) + mapping_text(mapping);
  if (!mapping.complete()) print_text(findings);
  require_complete(mapping, input);
  const std::string listing = tensor_table(mapping, dtypes) + totals_text(mapping);
  // The file comes before the listing, which may wait for its reader.
  write_safetensors(output, make_blob(std::move(mapping), checkpoint));
  print_text(findings + listing);
  print_out("written: {}\n", output);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] { return frost::import_weights(argc, argv); });
}
