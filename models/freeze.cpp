#include "models/freeze.h"

#include <charconv>
#include <limits>
#include <utility>

#include "kernels/errors.h"
#include "models/resnet_spec.h"

namespace frost {
namespace {

constexpr int kStages = 4;
constexpr int kBehindAll = std::numeric_limits<int>::max();  // of any module, not of ResNets alone

bool is_batch_norm(std::string_view tensor) {
  return tensor.find("bn") != std::string_view::npos ||
         tensor.find("downsample.1.") != std::string_view::npos;
}

/// (3, 1) of "layer3.1.conv2.weight"; (0, 0) of what is in no block.
std::pair<int, int> block_of(std::string_view tensor) {
  constexpr std::string_view kLayer = "layer";
  if (!tensor.starts_with(kLayer)) return {0, 0};
  const char* const end = tensor.data() + tensor.size();
  int stage = 0, block = 0;
  const char* const dot = std::from_chars(tensor.data() + kLayer.size(), end, stage).ptr;
  if (dot == end || *dot != '.' || std::from_chars(dot + 1, end, block).ec != std::errc()) {
    return {0, 0};
  }
  return {stage, block};
}

/// "layer2, layer3"
std::string stages(int first, int last) {
  std::string text;
  for (int s = first; s <= last; ++s)
    text += (s == first ? "layer" : ", layer") + std::to_string(s);
  return text;
}

/// What `until_layer<last>` freezes and what it lets train.
std::string halves(int last) {
  const std::string frozen = "conv1, bn1, " + stages(1, last) + " are frozen; ";
  if (last == kStages) return frozen + "no parameter is behind them, as in all";
  return frozen + stages(last + 1, kStages) + (last + 1 == kStages ? " trains" : " train");
}

std::vector<FreezeMode> make_table(const ResNetSpec& spec) {
  const std::string alias = "alias of until_layer3: all but layer4 is frozen";
  std::vector<FreezeMode> table = {{"none", "nothing is frozen"},
                                   {"all", "the whole body is frozen", kBehindAll}};
  for (int s = 1; s <= kStages; ++s) {
    table.push_back({"until_layer" + std::to_string(s), halves(s), s + 1});
  }
  table.push_back({"last_stage", alias, kStages});
  table.push_back({"last_block", alias, kStages});
  table.push_back(
      {"bn_affine", "all convolutions are frozen; BatchNorm scale and shift train", 0, 0, true});
  for (int s = 1; s <= kStages; ++s) {
    for (int b = 0; b < spec.blocks[static_cast<std::size_t>(s - 1)]; ++b) {
      const std::string name = "layer" + std::to_string(s) + "." + std::to_string(b);
      table.push_back(
          {name, "all before block " + name + " is frozen; it and what is behind it train", s, b});
    }
  }
  return table;
}

}  // namespace

bool FreezeMode::trains(std::string_view parameter) const {
  return block_of(parameter) >= std::pair(stage, block) &&
         (!only_batch_norm || is_batch_norm(parameter));
}

const std::vector<FreezeMode>& freeze_modes(int depth) {
  static const std::vector<std::vector<FreezeMode>> tables = [] {
    std::vector<std::vector<FreezeMode>> made;
    for (const ResNetSpec& spec : resnet_specs()) made.push_back(make_table(spec));
    return made;
  }();
  return tables[static_cast<std::size_t>(&resnet_spec(depth) - resnet_specs().data())];
}

std::vector<std::string> freeze_mode_names(int depth) {
  std::vector<std::string> names;
  for (const FreezeMode& mode : freeze_modes(depth)) names.push_back(mode.name);
  return names;
}

const FreezeMode& find_freeze_mode(const std::string& name, int depth) {
  std::string valid;
  for (const FreezeMode& mode : freeze_modes(depth)) {
    if (name == mode.name) return mode;
    valid += (valid.empty() ? "" : ", ") + mode.name;
  }
  throw UsageError("'" + name + "' is no freeze mode of " + resnet_name(depth) + ": use one of " +
                   valid);
}

void freeze_parameters(Module& module, const std::function<bool(std::string_view name)>& frozen) {
  for (NamedTensor& p : module.parameters()) p.tensor.set_requires_grad(!frozen(p.name));
}

void apply_freeze_mode(Module& module, const FreezeMode& mode) {
  freeze_parameters(module, [&](std::string_view name) { return !mode.trains(name); });
}

}  // namespace frost
