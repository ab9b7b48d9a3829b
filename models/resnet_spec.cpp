#include "models/resnet_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/errors.h"

namespace frost {
namespace {

constexpr int kStages = 4;
constexpr std::int64_t kStemChannels = 64;

/// The convolutions of one block, `in` channels wide where it begins.
std::vector<ResNetConv> block_convs(const std::string& name, std::int64_t in, std::int64_t width,
                                    std::int64_t stride, bool bottleneck) {
  const std::int64_t out = bottleneck ? 4 * width : width;
  std::vector<ResNetConv> convs;
  const auto add = [&](std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t step) {
    const std::string number = std::to_string(convs.size() + 1);
    convs.push_back({name + "conv" + number, name + "bn" + number, from, to, kernel, step});
  };
  if (bottleneck) add(in, width, 1, 1);
  add(bottleneck ? width : in, width, 3, stride);
  if (bottleneck) {
    add(width, out, 1, 1);
  } else {
    add(width, out, 3, 1);
  }
  if (stride != 1 || in != out) {
    convs.push_back({name + "downsample.0", name + "downsample.1", in, out, 1, stride, true});
  }
  return convs;
}

}  // namespace

int ResNetSpec::units() const {
  return unit_of(kStages + 1, 0) + 1;
}

int ResNetSpec::unit_of(int stage, int block) const {
  int unit = 1 + block;
  for (int s = 1; s < stage; ++s) unit += blocks.at(static_cast<std::size_t>(s - 1));
  return unit;
}

std::int64_t ResNetSpec::channels(int stage) const {
  if (stage == 0) return kStemChannels;
  return (kStemChannels << (stage - 1)) * (bottleneck ? 4 : 1);
}

std::vector<ResNetConv> ResNetSpec::convs(int unit) const {
  if (unit == 0) return {{"conv1", "bn1", 3, kStemChannels, 7, 2}};
  if (unit == units() - 1) return {};
  int stage = 1;
  while (unit_of(stage + 1, 0) <= unit) ++stage;
  const int block = unit - unit_of(stage, 0);
  return block_convs("layer" + std::to_string(stage) + "." + std::to_string(block) + ".",
                     channels(block == 0 ? stage - 1 : stage), kStemChannels << (stage - 1),
                     stage > 1 && block == 0 ? 2 : 1, bottleneck);
}

std::int64_t ResNetSpec::side_at(int unit, std::int64_t side) const {
  for (int u = 0; u < unit; ++u) {
    for (const ResNetConv& conv : convs(u)) {
      if (!conv.shortcut) side = conv.side_after(side);
    }
    if (u == 0) side = (side + 1) / 2;  // the max pooling, 3x3 of stride 2
  }
  return side;
}

std::vector<std::string> resnet_tap_names() {
  return {"stem", "layer1", "layer2", "layer3", "layer4", "pooled"};
}

int resnet_tap_stage(const std::string& name) {
  const std::vector<std::string> names = resnet_tap_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw UsageError(fmt::format("unknown tap '{}': use one of {}", name, fmt::join(names, ", ")));
  }
  return std::min(static_cast<int>(found - names.begin()), kStages);
}

const std::vector<ResNetSpec>& resnet_specs() {
  static const std::vector<ResNetSpec> table = {
      {18, {2, 2, 2, 2}, false}, {34, {3, 4, 6, 3}, false}, {50, {3, 4, 6, 3}, true}};
  return table;
}

const ResNetSpec& resnet_spec(int depth) {
  for (const ResNetSpec& spec : resnet_specs()) {
    if (spec.depth == depth) return spec;
  }
  throw UsageError("no ResNet of depth " + std::to_string(depth) + ": use 18, 34 or 50");
}

std::string resnet_name(int depth) {
  return "resnet" + std::to_string(depth);
}

int resnet_depth(const std::string& name) {
  std::string known;
  for (const ResNetSpec& spec : resnet_specs()) {
    if (name == resnet_name(spec.depth)) return spec.depth;
    known += (known.empty() ? "" : ", ") + resnet_name(spec.depth);
  }
  throw UsageError("unknown architecture '" + name + "': use one of " + known);
}

std::vector<std::string> resnet_names() {
  std::vector<std::string> names;
  for (const ResNetSpec& spec : resnet_specs()) names.push_back(resnet_name(spec.depth));
  return names;
}

}  // namespace frost
