#include "models/freeze.h"

#include "kernels/errors.h"

namespace frost {
namespace {

bool in_layer4(std::string_view tensor) {
  return tensor.starts_with("layer4.");
}

bool is_batch_norm(std::string_view tensor) {
  return tensor.find("bn") != std::string_view::npos ||
         tensor.find("downsample.1.") != std::string_view::npos;
}

}  // namespace

const std::vector<FreezeMode>& freeze_modes() {
  static const std::vector<FreezeMode> table = {
      {"none", "nothing is frozen", [](std::string_view) { return true; }},
      {"all", "the whole body is frozen", [](std::string_view) { return false; }},
      {"until_layer3", "conv1, bn1, layer1, layer2, layer3 are frozen; layer4 trains", in_layer4},
      {"last_block", "alias of until_layer3: all but layer4 is frozen", in_layer4},
      {"layer4.1", "all but the second block of layer4 is frozen",
       [](std::string_view tensor) { return tensor.starts_with("layer4.1."); }},
      {"bn_affine", "all convolutions are frozen; BatchNorm scale and shift train", is_batch_norm},
  };
  return table;
}

std::vector<std::string> freeze_mode_names() {
  std::vector<std::string> names;
  for (const FreezeMode& mode : freeze_modes()) names.emplace_back(mode.name);
  return names;
}

const FreezeMode& find_freeze_mode(const std::string& name) {
  std::string valid;
  for (const FreezeMode& mode : freeze_modes()) {
    if (name == mode.name) return mode;
    valid += (valid.empty() ? "" : ", ") + std::string(mode.name);
  }
  throw UsageError("unknown freeze mode '" + name + "': use one of " + valid);
}

void freeze_parameters(Module& module, const std::function<bool(std::string_view name)>& frozen) {
  for (NamedTensor& p : module.parameters()) p.tensor.set_requires_grad(!frozen(p.name));
}

void apply_freeze_mode(Module& module, const FreezeMode& mode) {
  freeze_parameters(module, [&](std::string_view name) { return !mode.trains(name); });
}

}  // namespace frost
