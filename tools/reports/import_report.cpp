#include "tools/reports/import_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "engine/io/printable.h"
#include "weights/pretrained.h"
#include "weights/tensor_stats.h"

namespace frost {
namespace {

/// The eight hex digits of "name-xxxxxxxx.ext", which PyTorch Hub takes for the digest's beginning.
std::string digest_in_name(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  const std::size_t dash = stem.rfind('-');
  if (dash == stem.npos || stem.size() - dash != 9) return "";
  const std::string digits = stem.substr(dash + 1);
  return digits.find_first_not_of("0123456789abcdef") == digits.npos ? digits : "";
}

std::string name_list(const char* heading, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 200;  // optimizers can have thousands
  if (names.empty()) return "";
  std::string text = fmt::format("{} ({}):\n", heading, names.size());
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    text += fmt::format("  {}\n", printable(names[i]));
  }
  if (names.size() > kShown) text += fmt::format("  ... and {} more\n", names.size() - kShown);
  return text;
}

std::string place_text(const ResNetMapping& mapping) {
  const std::string place =
      mapping.prefix.empty() ? "at the top of the file" : "below " + printable(mapping.prefix);
  const std::string head = mapping.classes == 0
                               ? "no classifier"
                               : fmt::format("classifier of {} classes", mapping.classes);
  return fmt::format("ResNet{} {}, {}\n", mapping.depth, place, head);
}

}  // namespace

std::string identity_text(const std::string& path, const std::string& digest,
                          const std::string& format) {
  std::string text = fmt::format("{}: {}\nsha256 {}\n", path, format, digest);
  if (is_torchvision(digest)) {
    text +=
        fmt::format("this is torchvision's resnet18-{}.pth (IMAGENET1K_V1)\n", digest.substr(0, 8));
  }
  return text;
}

std::string digest_warning(const std::string& path, const std::string& digest) {
  const std::string promised = digest_in_name(path);
  if (digest.starts_with(promised)) return "";
  return fmt::format("warning: the file name promises a digest that begins with {}, it is {}",
                     promised, digest.substr(0, 8));
}

std::string mapping_text(const ResNetMapping& mapping) {
  std::string renamed;
  std::size_t count = 0;
  for (const auto& [from, to] : mapping.mapped) {
    if (from == to) continue;
    renamed += fmt::format("  {} <- {}\n", to, printable(from));
    ++count;
  }
  std::string text = mapping.complete() ? place_text(mapping) : "";
  text += fmt::format("mapped {} tensors, {} under another name\n{}", mapping.mapped.size(), count,
                      renamed);
  text += name_list("dropped", mapping.dropped);
  text += name_list("missing", mapping.missing);
  text += name_list("of another shape", mapping.misshapen);
  text += name_list("unexpected", mapping.unexpected);
  for (const std::string& note : mapping.notes) text += fmt::format("note: {}\n", note);
  return text;
}

std::string tensor_table(const ResNetMapping& mapping,
                         const std::map<std::string, std::string>& dtypes) {
  std::string table =
      fmt::format("{:<32} {:<14} {:<5} {:>12} {:>12}\n", "tensor", "shape", "dtype", "mean", "std");
  for (const auto& [source, name] : mapping.mapped) {
    const HostTensor& tensor = mapping.tensors.at(name);
    const auto stats = tensor_stats(tensor, name);
    table +=
        fmt::format("{:<32} {:<14} {:<5} {:>12.5g} {:>12.5g}\n", name, shape_text(tensor.shape),
                    dtypes.at(source), stats->mean, stats->deviation);
  }
  return table;
}

std::string totals_text(const ResNetMapping& mapping) {
  std::string text, stage;
  std::int64_t in_stage = 0, total = 0;
  const auto end_stage = [&] {
    if (in_stage != 0) text += fmt::format("{:<8} {:>12} parameters\n", stage, in_stage);
    total += in_stage;
    in_stage = 0;
  };
  for (const TensorSpec& spec : resnet_tensors(mapping.depth)) {
    const auto it = mapping.tensors.find(spec.name);
    if (it == mapping.tensors.end() || !spec.is_parameter()) continue;
    if (spec.stage() != stage) end_stage();
    stage = spec.stage();
    in_stage += it->second.numel();
  }
  end_stage();
  return text + fmt::format("{:<8} {:>12} parameters\n", "total", total);
}

}  // namespace frost
