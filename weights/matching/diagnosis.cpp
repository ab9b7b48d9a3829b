#include "weights/matching/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "engine/io/printable.h"
#include "weights/matching/modules.h"

namespace frost {
namespace {

constexpr std::string_view kStages[] = {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"};
constexpr std::size_t kFewest = 5;     // names that make a place worth naming
constexpr std::size_t kMostParts = 5;  // of "layer2.0.downsample.0.weight"

bool is_stage(std::string_view part) {
  return std::find(std::begin(kStages), std::end(kStages), part) != std::end(kStages);
}

/// The path below which most names go on as torchvision's do; nothing where hardly any does.
const std::string* likeliest_path(const std::map<std::string, std::size_t>& votes) {
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == votes.end() || most->second < kFewest ? nullptr : &most->first;
}

/// The names of every body, of whatever depth.
std::set<std::string_view> known_names() {
  std::set<std::string_view> names;
  for (const int depth : resnet_depths()) {
    for (const TensorSpec& spec : resnet_tensors(depth)) {
      if (spec.stage() != "fc") names.insert(spec.name);
    }
  }
  return names;
}

/// How many names go on as torchvision's do, by the path in front.
std::map<std::string, std::size_t> count_votes(const StateDict& source) {
  static const auto known = known_names();
  std::map<std::string, std::size_t> votes;
  for (const auto& [name, tensor] : source) {
    std::string_view best = name, front = name;
    for (std::size_t parts = 1; parts <= kMostParts && !front.empty(); ++parts) {
      front = parent_path(front);
      const std::size_t begin = front.empty() ? 0 : front.size() + 1;
      if (known.contains(std::string_view(name).substr(begin))) best = front;  // the longest
    }
    if (best.size() < name.size()) ++votes[std::string(best)];
  }
  return votes;
}

struct Faults {
  std::vector<std::string> missing, misshapen, unexpected;
  std::size_t count() const { return missing.size() + misshapen.size() + unexpected.size(); }
};

Faults faults_of(const StateDict& source, const std::string& path, int depth) {
  const std::string prefix = path.empty() ? "" : path + ".";
  Faults faults;
  std::set<std::string> known;
  for (const TensorSpec& spec : resnet_tensors(depth)) {
    if (spec.stage() == "fc") continue;
    known.insert(spec.name);
    const auto it = source.find(prefix + spec.name);
    if (it == source.end()) {
      faults.missing.push_back(spec.name);
      continue;
    }
    std::vector<std::int64_t> grey = spec.shape;
    if (spec.name == "conv1.weight") grey[1] = 1;
    const auto& shape = it->second.shape;
    if (shape != spec.shape && shape != grey) {
      faults.misshapen.push_back(
          fmt::format("{} {}, expected {}", spec.name, bracketed(shape), bracketed(spec.shape)));
    }
  }
  for (auto it = source.lower_bound(prefix); it != source.end() && it->first.starts_with(prefix);
       ++it) {
    const std::string name = it->first.substr(prefix.size());
    if (is_stage(name.substr(0, name.find('.'))) && !known.contains(name) &&
        !name.ends_with(kCounterPart)) {
      faults.unexpected.push_back(it->first);
    }
  }
  return faults;
}

/// Channels of the first convolution in the first block; 0 where there is none.
std::int64_t first_width(const StateDict& source, const std::string& path) {
  const auto it = source.find((path.empty() ? "" : path + ".") + "layer1.0.conv1.weight");
  return it == source.end() || it->second.shape.empty() ? 0 : it->second.shape[0];
}

/// What the file probably is, judged by names and shapes that only other networks have.
std::vector<std::string> probable_causes(const StateDict& source, const std::string& path) {
  std::vector<std::string> causes;
  const auto has = [&](std::string_view part) {
    return std::any_of(source.begin(), source.end(),
                       [&](const auto& item) { return item.first.find(part) != item.first.npos; });
  };
  const auto it = source.find((path.empty() ? "" : path + ".") + "conv1.weight");
  const auto stem = it == source.end() ? std::vector<std::int64_t>{} : it->second.shape;
  if (source.empty()) causes.push_back("a file without tensors");
  if (has("layer3.22.")) causes.push_back("ResNet101 or 152");
  if (stem.size() == 4 && stem[2] == 3) causes.push_back("a CIFAR stem");
  if (stem.size() == 4 && stem[3] == 64) causes.push_back("weights in another order (HWIO)");
  if (stem.size() == 4 && stem[2] == 7 && stem[1] != 3 && stem[1] != 1) {
    causes.push_back(fmt::format("a stem for {} channels", stem[1]));
  }
  if (has("conv1.0.")) causes.push_back("a deep stem (resnet18d and relatives)");
  if (first_width(source, path) == 128) causes.push_back("a wide ResNet or a ResNeXt");
  if (has(".se.") || has(".gn1.")) causes.push_back("a relative with other blocks");
  if (has("packed_params") || has("zero_point") || has("centroids")) {
    causes.push_back("quantised or compressed weights");
  }
  if (has("conv1.bias") || has("conv2.bias")) causes.push_back("folded BatchNorm");
  return causes;
}

}  // namespace

void diagnose(const StateDict& source, const NearMiss& nearest, ResNetMapping& mapping) {
  const auto votes = count_votes(source);
  const std::string* path = likeliest_path(votes);
  if (path) {
    Faults best;
    for (const int depth : resnet_depths()) {
      Faults faults = faults_of(source, *path, depth);
      if (depth == resnet_depths().front() || faults.count() < best.count()) {
        best = std::move(faults);
        mapping.depth = depth;
      }
    }
    mapping.prefix = path->empty() ? "" : *path + ".";
    mapping.missing = std::move(best.missing);
    mapping.misshapen = std::move(best.misshapen);
    mapping.unexpected = std::move(best.unexpected);
  } else if (nearest.depth != 0) {
    mapping.depth = nearest.depth;
    mapping.prefix = nearest.path.empty() ? "" : nearest.path + ".";
    mapping.misshapen = {fmt::format("after {} of {} convolutions {}", nearest.matched,
                                     nearest.layers, nearest.fault)};
  } else {
    mapping.missing = {"a convolution [64, 3, 7, 7] to begin with"};
  }
  if (mapping.complete()) mapping.misshapen = {nearest.fault};
  mapping.causes = probable_causes(source, path ? *path : nearest.path);
}

}  // namespace frost
