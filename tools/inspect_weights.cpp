#include <string>

#include "engine/io/printable.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "weights/safetensors.h"
#include "weights/tensor_stats.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

void print_tensor(const std::string& name, const HostTensor& tensor) {
  print_out("{:<44} {:<6} {:<16}", printable(name), tensor.dtype, shape_text(tensor.shape));
  if (const auto stats = tensor_stats(tensor, name)) {
    print_out(" {:>12.5g} {:>12.5g} {:>12.5g}", stats->min, stats->max, stats->mean);
    if (stats->non_finite != 0) print_out("  {} not finite", stats->non_finite);
  }
  print_out("\n");
}

int inspect(int argc, char** argv) {
  CommandLine command_line(
      "Lists the tensors of a weight file: safetensors or any file of torch.save or "
      "torch.jit.save.\n"
      "Nothing in the file is executed.");
  std::string input, dump;
  command_line.add(
      "FILE", &input,
      "Weight file, or the folder of an unpacked one; its format is recognised by content",
      {.required = true});
  command_line.add("--dump", &dump, "Write all tensors, contiguous, as safetensors",
                   {.type = "OUT.safetensors"});
  if (!command_line.parse(argc, argv)) return 0;

  const WeightFile checkpoint = open_weight_file(input);
  if (!dump.empty()) write_safetensors(dump, {checkpoint.tensors, checkpoint.metadata});
  print_out("{:<44} {:<6} {:<16} {:>12} {:>12} {:>12}\n", "tensor", "dtype", "shape", "min", "max",
            "mean");
  std::int64_t elements = 0;
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    print_tensor(name, tensor);
    elements += tensor.numel();
    bytes += tensor.bytes.size();
  }
  for (const auto& [key, value] : checkpoint.metadata) {
    print_out("metadata {} = {}\n", printable(key), printable(value));
  }
  print_out("{}: {} tensors, {} elements, {} bytes\n", checkpoint.format, checkpoint.tensors.size(),
            elements, bytes);
  if (!dump.empty()) print_out("written: {}\n", dump);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] { return frost::inspect(argc, argv); });
}
