#pragma once

#include "models/resnet_spec.h"
#include "tests/golden/closed_form.h"

namespace frost {

/// The floating-point tensors of a ResNet, torchvision's names and layouts.
inline StateDict closed_form_resnet(int depth, std::int64_t in_channels = 3) {
  const ResNetSpec& spec = resnet_spec(depth);
  StateDict state;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    state[name] = closed_form_tensor(name, shape);
  };
  for (int unit = 0; unit < spec.units(); ++unit) {
    for (const ResNetConv& conv : spec.convs(unit)) {
      add(conv.conv + ".weight",
          {conv.out, unit == 0 ? in_channels : conv.in, conv.kernel, conv.kernel});
      for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
        add(conv.norm + part, {conv.out});
      }
    }
  }
  add("fc.weight", {1000, spec.features()});
  add("fc.bias", {1000});
  return state;
}

}  // namespace frost
