#include "weights/matching/body_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/io/printable.h"
#include "weights/resnet_names.h"

namespace frost {
namespace {

// A file can spell more places than any program writes; these keep the search short.
constexpr std::size_t kMostStems = 64, kMostAncestors = 64;
constexpr std::string_view kNormParts[] = {"weight", "bias", "running_mean", "running_var"};
constexpr std::string_view kTorchvisionChildren[] = {"conv1",  "bn1",    "layer1",
                                                     "layer2", "layer3", "layer4"};

/// A convolution and the norm behind it, under torchvision's names.
struct Layer {
  std::string conv, norm;
  std::vector<std::int64_t> shape;

  std::string block() const { return conv.substr(0, conv.find('.', conv.find('.') + 1)); }
  bool is_shortcut() const { return conv.find(".downsample.") != conv.npos; }
};

/// The layers of a body in order; the shortcut comes last in its block or, as some name it, first.
std::vector<Layer> make_layers(int depth, bool shortcut_first) {
  std::vector<Layer> layers;
  const auto& specs = resnet_tensors(depth);
  for (std::size_t i = 0; i + 1 < specs.size(); ++i) {
    if (specs[i].shape.size() != 4) continue;
    Layer layer{std::string(parent_path(specs[i].name)),
                std::string(parent_path(specs[i + 1].name)), specs[i].shape};
    auto at = layers.end();
    while (shortcut_first && layer.is_shortcut() && at != layers.begin() &&
           (at - 1)->block() == layer.block()) {
      --at;
    }
    layers.insert(at, std::move(layer));
  }
  return layers;
}

bool is_stem(const FileModule& module) {
  const auto& s = module.shape;
  return module.kind == ModuleKind::kConv && s[0] == 64 && (s[1] == 1 || s[1] == 3) && s[2] == 7 &&
         s[3] == 7;
}

/// What lies below one path: its convolutions and norms, those beside the stem first.
class Subtree {
 public:
  Subtree(const std::vector<FileModule>& modules, const FileModule& stem, std::string_view path)
      : path_(path) {
    const bool torchvision = has_torchvision_children(modules, path);
    std::vector<const FileModule*> beside, rest;
    for (const FileModule& module : modules) {
      if (!lies_below(module.path, path)) continue;
      if (torchvision && !is_torchvision_child(child_below(module.path, path))) continue;
      all_.push_back(&module);
      const bool near_stem =
          lies_below(module.path, stem.path) || parent_path(module.path) == parent_path(stem.path);
      (near_stem ? beside : rest).push_back(&module);
    }
    beside.insert(beside.end(), rest.begin(), rest.end());
    for (const FileModule* module : beside) {
      if (module->kind == ModuleKind::kConv) convs_.push_back(module);
      if (module->kind == ModuleKind::kNorm) norms_.push_back(module);
    }
  }

  /// Appends the names of a whole body to `names`, or says at which layer and why there is none.
  std::pair<std::size_t, std::string> match(
      const std::vector<Layer>& layers,
      std::vector<std::pair<std::string, std::string>>& names) const {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (std::string fault = fault_of(layers[i], i); !fault.empty()) return {i, std::move(fault)};
      names.emplace_back(convs_[i]->tensor("weight"), layers[i].conv + ".weight");
      for (const std::string_view part : kNormParts) {
        names.emplace_back(norms_[i]->tensor(part), layers[i].norm + "." + std::string(part));
      }
    }
    return {layers.size(), fault_behind(layers)};
  }

 private:
  static bool is_torchvision_child(std::string_view child) {
    return std::find(std::begin(kTorchvisionChildren), std::end(kTorchvisionChildren), child) !=
           std::end(kTorchvisionChildren);
  }

  /// There, whatever else lies beside them is no part of the body.
  static bool has_torchvision_children(const std::vector<FileModule>& modules,
                                       std::string_view path) {
    std::set<std::string_view> found;
    for (const FileModule& module : modules) {
      if (!lies_below(module.path, path)) continue;
      const std::string_view child = child_below(module.path, path);
      if (is_torchvision_child(child)) found.insert(child);
    }
    return found.size() == std::size(kTorchvisionChildren);
  }

  std::string fault_of(const Layer& layer, std::size_t i) const {
    if (i >= convs_.size()) return layer.conv + " is missing";
    const FileModule& conv = *convs_[i];
    std::vector<std::int64_t> wanted = layer.shape;
    if (layer.conv == "conv1" && conv.shape[1] == 1) wanted[1] = 1;
    const std::string here = fmt::format("{} (as {})", printable(conv.path), layer.conv);
    if (conv.shape != wanted) {
      return fmt::format("{} has shape {}, expected {}", here, bracketed(conv.shape),
                         bracketed(wanted));
    }
    if (conv.bias) return here + " has a bias, as where the norms are folded in";
    if (i >= norms_.size()) return layer.norm + " is missing";
    if (norms_[i]->shape[0] != layer.shape[0]) {
      return fmt::format("{} (as {}) has {} channels, expected {}", printable(norms_[i]->path),
                         layer.norm, norms_[i]->shape[0], layer.shape[0]);
    }
    return "";
  }

  /// What follows the last layer must not be more of the same network, nor may anything but
  /// convolutions and norms lie in the parts that the body takes.
  std::string fault_behind(const std::vector<Layer>& layers) const {
    std::set<std::string_view> inside;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (convs_[i]->path.find('.', path_.size() + 1) != std::string::npos) {
        inside.insert(child_below(convs_[i]->path, path_));
      }
    }
    for (std::size_t i = layers.size(); i < convs_.size(); ++i) {
      const bool more = inside.contains(child_below(convs_[i]->path, path_));
      if (more || goes_on(layers, i)) return "a further layer " + printable(convs_[i]->path);
    }
    for (const FileModule* module : all_) {
      const bool layer = module->kind == ModuleKind::kConv || module->kind == ModuleKind::kNorm;
      if (!layer && module->path != path_ && inside.contains(child_below(module->path, path_))) {
        return "a layer of another kind, " + printable(module->path);
      }
    }
    return "";
  }

  /// Whether the convolutions from `at` on are those of one more block of the last stage.
  bool goes_on(const std::vector<Layer>& layers, std::size_t at) const {
    const std::string last = layers.back().block();
    std::size_t begin = layers.size();
    while (begin > 0 && layers[begin - 1].block() == last) --begin;
    for (std::size_t i = begin; i < layers.size(); ++i, ++at) {
      if (at >= convs_.size() || convs_[at]->shape != layers[i].shape) return false;
    }
    return true;
  }

  std::string_view path_;
  std::vector<const FileModule*> all_, convs_, norms_;
};

class Search {
 public:
  explicit Search(const std::vector<FileModule>& modules) : modules_(modules) {
    for (const int depth : resnet_depths()) {
      for (const bool first : {false, true}) orders_.push_back({depth, make_layers(depth, first)});
    }
  }

  BodySearch run() {
    std::size_t stems = 0;
    for (const FileModule& module : modules_) {
      if (is_stem(module) && stems++ < kMostStems) look_around(module);
    }
    return std::move(result_);
  }

 private:
  struct Order {
    int depth;
    std::vector<Layer> layers;
  };

  /// The body of that stem lies below the nearest ancestor that has one.
  void look_around(const FileModule& stem) {
    std::string_view path = parent_path(stem.path);
    for (std::size_t step = 0; step < kMostAncestors; ++step) {
      if (found_below(stem, path) || path.empty()) return;
      path = parent_path(path);
    }
  }

  bool found_below(const FileModule& stem, std::string_view path) {
    const Subtree subtree(modules_, stem, path);
    for (const Order& order : orders_) {
      BodyPlace place{order.depth, std::string(path), {}};
      const auto [matched, fault] = subtree.match(order.layers, place.names);
      if (fault.empty()) {
        result_.found.push_back(std::move(place));
        return true;
      }
      NearMiss& nearest = result_.nearest;
      if (nearest.depth == 0 || matched > nearest.matched) {
        nearest = {order.depth, std::string(path), matched, order.layers.size(), fault};
      }
    }
    return false;
  }

  const std::vector<FileModule>& modules_;
  std::vector<Order> orders_;
  BodySearch result_;
};

}  // namespace

BodySearch find_bodies(const std::vector<FileModule>& modules) {
  return Search(modules).run();
}

}  // namespace frost
