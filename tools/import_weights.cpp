#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "engine/io/printable.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "weights/resnet18_blob.h"
#include "weights/resnet18_names.h"
#include "weights/sha256.h"
#include "weights/tensor_stats.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

/// Both files torchvision has published as IMAGENET1K_V1; they hold the same network.
constexpr std::array<std::string_view, 2> kTorchvisionDigests = {
    "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    "5c106cde386e87d4033832f2996f5493238eda96ccf559d1d62760c4de0613f8"};

bool is_torchvision(const std::string& digest) {
  return digest == kTorchvisionDigests[0] || digest == kTorchvisionDigests[1];
}

/// The eight hex digits of "name-xxxxxxxx.ext", which PyTorch Hub takes for the digest's beginning.
std::string digest_in_name(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  const std::size_t dash = stem.rfind('-');
  if (dash == stem.npos || stem.size() - dash != 9) return "";
  const std::string digits = stem.substr(dash + 1);
  return digits.find_first_not_of("0123456789abcdef") == digits.npos ? digits : "";
}

void print_identity(const std::string& path, const std::string& digest, const std::string& format) {
  fmt::print("{}: {}\nsha256 {}\n", path, format, digest);
  if (is_torchvision(digest)) {
    fmt::print("this is torchvision's resnet18-{}.pth (IMAGENET1K_V1)\n", digest.substr(0, 8));
  }
  const std::string promised = digest_in_name(path);
  if (!promised.empty() && !digest.starts_with(promised)) {
    fmt::print(stderr, "warning: the file name promises a digest that begins with {}, it is {}\n",
               promised, digest.substr(0, 8));
  }
}

void print_names(const char* heading, const std::vector<std::string>& names) {
  if (names.empty()) return;
  fmt::print("{} ({}):\n", heading, names.size());
  for (const std::string& name : names) fmt::print("  {}\n", printable(name));
}

void print_mapping(const Resnet18Mapping& mapping) {
  std::size_t renamed = 0;
  for (const auto& [from, to] : mapping.mapped) renamed += from != to;
  fmt::print("mapped {} tensors, {} under another name\n", mapping.mapped.size(), renamed);
  for (const auto& [from, to] : mapping.mapped) {
    if (from != to) fmt::print("  {} <- {}\n", to, printable(from));
  }
  print_names("dropped", mapping.dropped);
  print_names("missing", mapping.missing);
  print_names("of another shape", mapping.misshapen);
  print_names("unexpected", mapping.unexpected);
  for (const std::string& note : mapping.notes) fmt::print("note: {}\n", note);
}

void print_tensors(const Resnet18Mapping& mapping,
                   const std::map<std::string, std::string>& dtypes) {
  fmt::print("{:<32} {:<14} {:<5} {:>12} {:>12}\n", "tensor", "shape", "dtype", "mean", "std");
  for (const auto& [source, name] : mapping.mapped) {
    const HostTensor& tensor = mapping.tensors.at(name);
    const auto stats = tensor_stats(tensor, name);
    fmt::print("{:<32} {:<14} {:<5} {:>12.5g} {:>12.5g}\n", name, shape_text(tensor.shape),
               dtypes.at(source), stats->mean, stats->deviation);
  }
}

void print_totals(const Resnet18Mapping& mapping) {
  std::string stage;
  std::int64_t in_stage = 0, total = 0;
  const auto print_stage = [&] {
    if (in_stage != 0) fmt::print("{:<8} {:>12} parameters\n", stage, in_stage);
    total += in_stage;
    in_stage = 0;
  };
  for (const TensorSpec& spec : resnet18_tensors()) {
    const auto it = mapping.tensors.find(spec.name);
    if (it == mapping.tensors.end() || !spec.is_parameter()) continue;
    if (spec.stage() != stage) print_stage();
    stage = spec.stage();
    in_stage += it->second.numel();
  }
  print_stage();
  fmt::print("{:<8} {:>12} parameters\n", "total", total);
}

SafetensorsFile make_blob(StateDict tensors, const std::string& digest, const std::string& format) {
  SafetensorsFile blob = resnet18_blob(std::move(tensors));
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
  print_identity(input, digest, checkpoint.format);

  std::map<std::string, std::string> dtypes;
  for (const auto& [name, tensor] : checkpoint.tensors) dtypes[name] = tensor.dtype;
  Resnet18Mapping mapping = map_resnet18(std::move(checkpoint.tensors));
  print_mapping(mapping);
  require_complete(mapping, input);
  print_tensors(mapping, dtypes);
  print_totals(mapping);
  write_safetensors(output, make_blob(std::move(mapping.tensors), digest, checkpoint.format));
  fmt::print("written: {}\n", output);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] { return frost::import_weights(argc, argv); });
}
