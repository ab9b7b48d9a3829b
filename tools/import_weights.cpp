#include <map>
#include <string>

#include "engine/io/atomic_file.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/reports/import_report.h"
#include "weights/resnet_blob.h"
#include "weights/sha256.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

SafetensorsFile make_blob(ResNetMapping mapping, const std::string& digest,
                          const std::string& format) {
  SafetensorsFile blob = resnet_blob(std::move(mapping.tensors), mapping.depth);
  blob.metadata["source_format"] = format;
  blob.metadata["source_sha256"] = digest;
  if (is_torchvision(digest)) blob.metadata["source"] = "torchvision IMAGENET1K_V1";
  return blob;
}

int import_weights(int argc, char** argv) {
  CommandLine command_line(
      "Turns a ResNet-18 checkpoint (safetensors or any file of torch.save) into the weight\n"
      "file the other programs read. Nothing in the input is executed.");
  std::string input, output = "weights/resnet18.safetensors";
  command_line.add("IN", &input, "Checkpoint; its format is recognised by content",
                   {.required = true});
  command_line.add("-o,--output", &output, "File to write", {.show_default = true});
  if (!command_line.parse(argc, argv)) return 0;

  SharedBytes image = read_regular_file(input, kMaxWeightFileBytes);
  const std::string digest = sha256_hex(image);
  WeightFile checkpoint = parse_weight_file(image, input);
  image = {};
  if (const std::string warning = digest_warning(input, digest); !warning.empty()) {
    print_note(warning);
  }

  std::map<std::string, std::string> dtypes;
  for (const auto& [name, tensor] : checkpoint.tensors) dtypes[name] = tensor.dtype;
  ResNetMapping mapping = map_resnet(std::move(checkpoint.tensors));
  const std::string findings =
      identity_text(input, digest, checkpoint.format) + mapping_text(mapping);
  if (!mapping.complete()) print_text(findings);
  require_complete(mapping, input);
  const std::string listing = tensor_table(mapping, dtypes) + totals_text(mapping);
  // The file comes before the listing, which may wait for its reader.
  write_safetensors(output, make_blob(std::move(mapping), digest, checkpoint.format));
  print_text(findings + listing);
  print_out("written: {}\n", output);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] { return frost::import_weights(argc, argv); });
}
