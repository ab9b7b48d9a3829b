#include "weights/resnet_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "weights/tensor_stats.h"

namespace frost {
namespace {

constexpr const char* kOp = "map_resnet";
constexpr std::string_view kCounter = ".num_batches_tracked";
constexpr std::string_view kWrappers[] = {"state_dict", "model",          "model_state_dict",
                                          "net",        "state_dict_ema", "model_ema"};
constexpr std::string_view kPrefixes[] = {"module.",   "_orig_mod.", "model.",        "net.",
                                          "backbone.", "encoder.",   "base_encoder.", "resnet."};

using Shape4 = std::array<std::int64_t, 4>;

const std::string kQueryEncoder = "encoder_q.";

/// What sets one depth apart from another.
struct Architecture {
  int depth;
  std::array<int, 4> blocks;  ///< of each stage
  bool bottleneck;

  std::int64_t expansion() const { return bottleneck ? 4 : 1; }
};

constexpr std::array<Architecture, 3> kArchitectures = {
    {{18, {2, 2, 2, 2}, false}, {34, {3, 4, 6, 3}, false}, {50, {3, 4, 6, 3}, true}}};

const Architecture& find_architecture(int depth) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.depth == depth) return architecture;
  }
  fail("resnet_tensors", fmt::format("there is no ResNet{}; there are 18, 34 and 50", depth));
}

std::vector<TensorSpec> make_tensors(const Architecture& architecture) {
  std::vector<TensorSpec> list;
  const auto add = [&](const std::string& conv, const std::string& norm, const Shape4& shape) {
    list.push_back({conv + ".weight", {shape.begin(), shape.end()}});
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      list.push_back({norm + part, {shape[0]}});
    }
  };
  add("conv1", "bn1", {64, 3, 7, 7});
  std::int64_t in = 64;
  for (int stage = 1; stage <= 4; ++stage) {
    const std::int64_t width = std::int64_t{32} << stage, out = width * architecture.expansion();
    for (int block = 0; block < architecture.blocks[static_cast<std::size_t>(stage - 1)]; ++block) {
      const std::string name = fmt::format("layer{}.{}.", stage, block);
      if (architecture.bottleneck) {
        add(name + "conv1", name + "bn1", {width, in, 1, 1});
        add(name + "conv2", name + "bn2", {width, width, 3, 3});
        add(name + "conv3", name + "bn3", {out, width, 1, 1});
      } else {
        add(name + "conv1", name + "bn1", {out, in, 3, 3});
        add(name + "conv2", name + "bn2", {out, out, 3, 3});
      }
      if (in != out) add(name + "downsample.0", name + "downsample.1", {out, in, 1, 1});
      in = out;
    }
  }
  list.push_back({"fc.weight", {1000, in}});
  list.push_back({"fc.bias", {1000}});
  return list;
}

/// Hugging Face's module names, without their leading "resnet.", and torchvision's.
std::map<std::string, std::string> make_hugging_face_modules() {
  std::map<std::string, std::string> modules = {{"embedder.embedder.convolution", "conv1"},
                                                {"embedder.embedder.normalization", "bn1"},
                                                {"classifier.1", "fc"}};
  for (int stage = 0; stage < 4; ++stage) {
    for (int block = 0; block < 2; ++block) {
      const std::string theirs = fmt::format("encoder.stages.{}.layers.{}", stage, block);
      const std::string ours = fmt::format("layer{}.{}", stage + 1, block);
      for (int i = 0; i < 2; ++i) {
        modules[fmt::format("{}.layer.{}.convolution", theirs, i)] =
            fmt::format("{}.conv{}", ours, i + 1);
        modules[fmt::format("{}.layer.{}.normalization", theirs, i)] =
            fmt::format("{}.bn{}", ours, i + 1);
      }
      if (stage > 0 && block == 0) {
        modules[theirs + ".shortcut.convolution"] = ours + ".downsample.0";
        modules[theirs + ".shortcut.normalization"] = ours + ".downsample.1";
      }
    }
  }
  return modules;
}

/// torchvision's name for a tensor of another library; names that are not known stay as they are.
std::string translated(const std::string& name) {
  static const auto modules = make_hugging_face_modules();
  const std::string bare = name.starts_with("resnet.") ? name.substr(7) : name;
  const std::size_t dot = bare.rfind('.');
  const auto it = modules.find(bare.substr(0, dot));
  return dot == bare.npos || it == modules.end() ? name : it->second + bare.substr(dot);
}

/// A tensor on its way: the name in the file and the tensor itself, by its present name.
struct Origin {
  std::string name;
  HostTensor tensor;
};
using Candidates = std::map<std::string, Origin>;

/// The prefix is taken from every key; keys without it are dropped.
Candidates without_prefix(const Candidates& from, const std::string& prefix,
                          std::vector<std::string>& dropped) {
  Candidates out;
  for (const auto& [name, origin] : from) {
    if (name.starts_with(prefix)) {
      out.emplace(name.substr(prefix.size()), origin);
    } else {
      dropped.push_back(origin.name);
    }
  }
  return out;
}

bool any_has_prefix(const Candidates& candidates, const std::string& prefix) {
  const auto it = candidates.lower_bound(prefix);
  return it != candidates.end() && it->first.starts_with(prefix);
}

bool all_have_prefix(const Candidates& candidates, std::string_view prefix) {
  return !candidates.empty() && candidates.begin()->first.starts_with(prefix) &&
         candidates.rbegin()->first.starts_with(prefix);
}

Candidates unwrapped(Candidates candidates, ResNetMapping& mapping) {
  for (int round = 0; round < 2; ++round) {
    std::vector<std::string> found;
    for (const std::string_view wrapper : kWrappers) {
      const std::string prefix = std::string(wrapper) + ".";
      if (any_has_prefix(candidates, prefix)) found.push_back(prefix);
    }
    if (found.empty()) break;
    if (found.size() > 1) {
      mapping.notes.push_back(fmt::format("several wrapped models ({}); took {}",
                                          fmt::join(found, ", "), found.front()));
    }
    candidates = without_prefix(candidates, found.front(), mapping.dropped);
  }
  return candidates;
}

/// MoCo saves two encoders and a queue; the trained one is encoder_q. Its fc projects to the
/// contrastive space and is no classifier.
Candidates query_encoder(const Candidates& candidates, ResNetMapping& mapping) {
  Candidates encoder = without_prefix(candidates, kQueryEncoder, mapping.dropped);
  const auto head = encoder.find("fc.weight");
  const std::vector<std::int64_t> classifier = {1000, 512};
  if (head != encoder.end() && head->second.tensor.shape == classifier) return encoder;
  std::erase_if(encoder, [&](const auto& item) {
    if (!item.first.starts_with("fc.")) return false;
    mapping.dropped.push_back(item.second.name);
    return true;
  });
  return encoder;
}

Candidates stripped(Candidates candidates, ResNetMapping& mapping) {
  for (bool again = true; again;) {
    again = any_has_prefix(candidates, kQueryEncoder);
    if (again) candidates = query_encoder(candidates, mapping);
    for (const std::string_view prefix : kPrefixes) {
      if (!all_have_prefix(candidates, prefix)) continue;
      candidates = without_prefix(candidates, std::string(prefix), mapping.dropped);
      again = true;
    }
  }
  return candidates;
}

std::string bracketed(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool shape_fits(const TensorSpec& spec, const std::vector<std::int64_t>& shape) {
  if (shape == spec.shape) return true;
  std::vector<std::int64_t> grey = spec.shape;
  if (spec.name == "conv1.weight") grey[1] = 1;
  return shape == grey;
}

/// Rejects values no network can have; `shown` names the tensor as the file does.
void require_sound_values(const std::string& name, const std::vector<float>& values,
                          const std::string& shown) {
  const bool variance = name.ends_with("running_var");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail(kOp, fmt::format("{}[{}] is {}; the file is damaged or of a diverged training", shown, i,
                            values[i]));
    }
    if (variance && values[i] < 0) {
      fail(kOp, fmt::format("{}[{}] is {}; a variance cannot be negative", shown, i, values[i]));
    }
  }
}

HostTensor as_float32(const std::string& name, Origin origin) {
  const std::string shown = printable(origin.name);
  const std::vector<float> values = origin.tensor.to_floats(origin.name);
  require_sound_values(name, values, shown);
  if (origin.tensor.dtype == "F32") return std::move(origin.tensor);
  return HostTensor::from_floats(origin.tensor.shape, values);
}

void note_dead_channels(ResNetMapping& mapping) {
  constexpr float kTiny = 1e-6f;
  std::int64_t dead = 0;
  for (const auto& [name, tensor] : mapping.tensors) {
    if (tensor.shape.size() != 1 || !name.ends_with(".weight")) continue;
    for (const float scale : tensor.to_floats(name)) dead += std::abs(scale) < kTiny;
  }
  if (dead != 0)
    mapping.notes.push_back(fmt::format("{} BatchNorm channels are switched off", dead));
}

/// What the file probably is, judged by names and shapes that only other networks have.
std::vector<std::string> probable_causes(const Candidates& candidates) {
  std::vector<std::string> causes;
  const auto has = [&](std::string_view part) {
    return std::any_of(candidates.begin(), candidates.end(),
                       [&](const auto& item) { return item.first.find(part) != item.first.npos; });
  };
  const auto shape = [&](const char* name) {
    const auto it = candidates.find(name);
    return it == candidates.end() ? std::vector<std::int64_t>{} : it->second.tensor.shape;
  };
  const auto stem = shape("conv1.weight"), head = shape("fc.weight");
  if (candidates.empty()) causes.push_back("a file without tensors");
  if (has("layer1.0.conv3.")) {
    causes.push_back("a Bottleneck ResNet (50/101/152)");
  } else if (has("layer1.2.")) {
    causes.push_back("ResNet-34");
  }
  if (stem.size() == 4 && stem[2] == 3) causes.push_back("a CIFAR stem");
  if (stem.size() == 4 && stem[3] == 64) causes.push_back("weights in another order (HWIO)");
  if (has("conv1.0.")) causes.push_back("a deep stem (resnet18d and relatives)");
  if (has("fc.0.") || has("projector.") || has("projection")) {
    causes.push_back("a projection head of self-supervised training in place of a classifier");
  }
  if (head.size() == 2 && head[1] == 512 && head[0] != 1000) {
    causes.push_back(fmt::format("a {}-class head", head[0]));
  }
  if (has("packed_params") || has("zero_point") || has("centroids")) {
    causes.push_back("quantised or compressed weights");
  }
  if (has("conv1.bias") || has("conv2.bias")) causes.push_back("folded BatchNorm");
  return causes;
}

/// Sorts every candidate into taken, dropped, misshapen or unexpected.
void take_tensors(Candidates& candidates, ResNetMapping& mapping) {
  const bool headless = !candidates.contains("fc.weight") && !candidates.contains("fc.bias");
  for (const TensorSpec& spec : resnet_tensors(18)) {
    const auto it = candidates.find(spec.name);
    if (it == candidates.end()) {
      if (!headless || spec.stage() != "fc") mapping.missing.push_back(spec.name);
      continue;
    }
    const auto& shape = it->second.tensor.shape;
    if (shape_fits(spec, shape)) {
      mapping.mapped.emplace_back(it->second.name, spec.name);
      mapping.tensors[spec.name] = as_float32(spec.name, std::move(it->second));
    } else {
      mapping.misshapen.push_back(
          fmt::format("{} {}, expected {}", spec.name, bracketed(shape), bracketed(spec.shape)));
    }
    candidates.erase(it);
  }
  for (const auto& [name, origin] : candidates) {
    auto& list = name.ends_with(kCounter) ? mapping.dropped : mapping.unexpected;
    list.push_back(origin.name);
  }
  if (headless && mapping.missing.empty())
    mapping.notes.push_back("no classifier (fc) in the file");
}

/// "12 missing (conv1.weight, bn1.bias, ...)", empty for an empty list.
std::string summary(const std::vector<std::string>& names, const char* what) {
  constexpr std::size_t kShown = 4;
  if (names.empty()) return "";
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) shown.push_back(names[i]);
  return fmt::format("; {} {} ({}{})", names.size(), what, fmt::join(shown, "; "),
                     names.size() > kShown ? "; ..." : "");
}

}  // namespace

const std::vector<TensorSpec>& resnet_tensors(int depth) {
  static const auto lists = [] {
    std::map<int, std::vector<TensorSpec>> made;
    for (const Architecture& a : kArchitectures) made.emplace(a.depth, make_tensors(a));
    return made;
  }();
  return lists.at(find_architecture(depth).depth);
}

std::int64_t resnet_features(int depth) {
  return 512 * find_architecture(depth).expansion();
}

std::vector<std::string> resnet_counters(int depth) {
  constexpr std::string_view kMean = ".running_mean";
  std::vector<std::string> names;
  for (const TensorSpec& spec : resnet_tensors(depth)) {
    if (!spec.name.ends_with(kMean)) continue;
    names.push_back(spec.name.substr(0, spec.name.size() - kMean.size()).append(kCounter));
  }
  return names;
}

ResNetMapping map_resnet(StateDict source, const MapOptions&) {
  ResNetMapping mapping;
  Candidates candidates;
  for (auto& [name, tensor] : source) candidates.emplace(name, Origin{name, std::move(tensor)});
  source.clear();
  candidates = stripped(unwrapped(std::move(candidates), mapping), mapping);

  Candidates renamed;
  for (auto& [name, origin] : candidates) {
    const std::string original = origin.name;
    const auto [it, fresh] = renamed.emplace(translated(name), std::move(origin));
    if (!fresh) {
      fail(kOp, fmt::format("{} and {} are the same tensor {}", printable(it->second.name),
                            printable(original), it->first));
    }
  }
  mapping.causes = probable_causes(renamed);
  take_tensors(renamed, mapping);
  note_dead_channels(mapping);
  mapping.classes = mapping.has_classifier() ? mapping.tensors.at("fc.weight").shape[0] : 0;
  return mapping;
}

void require_complete(const ResNetMapping& mapping, const std::string& origin) {
  if (mapping.complete()) return;
  std::vector<std::string> unexpected;
  for (const std::string& name : mapping.unexpected) unexpected.push_back(printable(name));
  const std::string cause =
      mapping.causes.empty() ? "" : fmt::format("; probably {}", fmt::join(mapping.causes, ", "));
  fail(kOp, fmt::format("{} is not a ResNet18 state dict{}{}{}{}", origin, cause,
                        summary(mapping.missing, "missing"),
                        summary(mapping.misshapen, "of another shape"),
                        summary(unexpected, "unexpected")));
}

}  // namespace frost
