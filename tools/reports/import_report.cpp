#include "tools/reports/import_report.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <string_view>

#include "engine/io/printable.h"
#include "weights/tensor_stats.h"

namespace frost {
namespace {

/// Both files torchvision has published as IMAGENET1K_V1; they hold the same network.
constexpr std::array<std::string_view, 2> kTorchvisionDigests = {
    "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    "5c106cde386e87d4033832f2996f5493238eda96ccf559d1d62760c4de0613f8"};

/// The eight hex digits of "name-xxxxxxxx.ext", which PyTorch Hub takes for the digest's beginning.
std::string digest_in_name(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  const std::size_t dash = stem.rfind('-');
  if (dash == stem.npos || stem.size() - dash != 9) return "";
  const std::string digits = stem.substr(dash + 1);
  return digits.find_first_not_of("0123456789abcdef") == digits.npos ? digits : "";
}

void print_names(const char* heading, const std::vector<std::string>& names) {
  if (names.empty()) return;
  fmt::print("{} ({}):\n", heading, names.size());
  for (const std::string& name : names) fmt::print("  {}\n", printable(name));
}

}  // namespace

bool is_torchvision(const std::string& digest) {
  return digest == kTorchvisionDigests[0] || digest == kTorchvisionDigests[1];
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

}  // namespace frost
