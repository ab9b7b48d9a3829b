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

#include "engine/host_dtype.h"
#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "weights/matching/body_choice.h"
#include "weights/matching/body_search.h"
#include "weights/matching/diagnosis.h"
#include "weights/matching/head_search.h"
#include "weights/matching/modules.h"
#include "weights/tensor_stats.h"

namespace frost {
namespace {

constexpr const char* kOp = "map_resnet";
using Shape4 = std::array<std::int64_t, 4>;

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

/// The tensor `source` of the file for torchvision's `name`.
HostTensor as_float32(const std::string& name, const std::string& source, HostTensor tensor) {
  if (!is_floating_dtype(tensor.dtype)) {
    fail(kOp, fmt::format("{} has dtype {}, as where weights are quantised: take the file of "
                          "before, of F32, F16, BF16 or F64",
                          printable(source), tensor.dtype));
  }
  const std::vector<float> values = tensor.to_floats(source);
  require_sound_values(name, values, printable(source));
  if (tensor.dtype == "F32") return tensor;
  return HostTensor::from_floats(tensor.shape, values);
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

/// Takes the tensors of `names` (in the file, torchvision's) out of `source`.
void take_tensors(const std::vector<std::pair<std::string, std::string>>& names, StateDict& source,
                  ResNetMapping& mapping) {
  for (const auto& [theirs, ours] : names) {
    const auto it = source.find(theirs);
    mapping.mapped.emplace_back(theirs, ours);
    mapping.tensors[ours] = as_float32(ours, theirs, std::move(it->second));
    source.erase(it);
  }
}

void take_head(const std::vector<FileModule>& modules, const BodyChoice& choice,
               const MapOptions& options, StateDict& source, ResNetMapping& mapping) {
  const HeadPlace head =
      find_head(modules, choice.body.path, resnet_features(mapping.depth), choice.self_supervised);
  if (!head.note.empty()) mapping.notes.push_back(head.note);
  if (head.path.empty()) return;
  if (options.no_head) {
    mapping.notes.push_back("classifier " + printable(head.path) + " left out, as asked");
    return;
  }
  take_tensors({{head.path + ".weight", "fc.weight"}, {head.path + ".bias", "fc.bias"}}, source,
               mapping);
  mapping.classes = mapping.tensors.at("fc.weight").shape[0];
}

void note_body(const BodyChoice& choice, ResNetMapping& mapping) {
  mapping.notes.insert(mapping.notes.end(), choice.notes.begin(), choice.notes.end());
  if (mapping.tensors.at("conv1.weight").shape[1] == 1) {
    mapping.notes.push_back("conv1 takes pictures of one channel");
  }
  const auto& [theirs, ours] = mapping.mapped.back();
  if (mapping.depth == 50 && !theirs.ends_with(ours)) {
    mapping.notes.push_back(
        "the names are not torchvision's: the stride of a block is taken to be in its 3x3 "
        "convolution, which shapes cannot tell");
  }
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

const std::vector<int>& resnet_depths() {
  static const auto depths = [] {
    std::vector<int> list;
    for (const Architecture& a : kArchitectures) list.push_back(a.depth);
    return list;
  }();
  return depths;
}

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
  constexpr std::string_view kMean = "running_mean";
  std::vector<std::string> names;
  for (const TensorSpec& spec : resnet_tensors(depth)) {
    if (!spec.name.ends_with(kMean)) continue;
    names.push_back(spec.name.substr(0, spec.name.size() - kMean.size()).append(kCounterPart));
  }
  return names;
}

ResNetMapping map_resnet(StateDict source, const MapOptions& options) {
  ResNetMapping mapping;
  const std::vector<FileModule> modules = list_modules(source);
  const BodySearch search = find_bodies(modules);
  const std::optional<BodyChoice> choice = choose_body(search.found, options.prefix, source);
  if (!choice) {
    diagnose(source, search.nearest, mapping);
    return mapping;
  }
  mapping.depth = choice->body.depth;
  mapping.prefix = choice->body.path.empty() ? "" : choice->body.path + ".";
  take_tensors(choice->body.names, source, mapping);
  note_body(*choice, mapping);
  take_head(modules, *choice, options, source, mapping);
  for (const auto& [name, tensor] : source) mapping.dropped.push_back(name);
  note_dead_channels(mapping);
  return mapping;
}

void require_complete(const ResNetMapping& mapping, const std::string& origin) {
  if (mapping.complete()) return;
  std::vector<std::string> unexpected;
  for (const std::string& name : mapping.unexpected) unexpected.push_back(printable(name));
  const std::string cause =
      mapping.causes.empty() ? "" : fmt::format("; probably {}", fmt::join(mapping.causes, ", "));
  const std::string place = mapping.prefix.empty() ? "" : " below " + printable(mapping.prefix);
  const std::string nearest =
      mapping.depth == 0 ? "" : fmt::format("; nearest is ResNet{}{}", mapping.depth, place);
  fail(kOp, fmt::format("{} holds no complete ResNet 18, 34 or 50{}{}{}{}{}; inspect_weights lists "
                        "what the file holds; if it is elsewhere in it, import it with "
                        "import_weights --prefix PLACE",
                        origin, cause, nearest, summary(mapping.missing, "missing"),
                        summary(mapping.misshapen, "of another shape"),
                        summary(unexpected, "unexpected")));
}

}  // namespace frost
