#include "bench/conv_layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/resnet_spec.h"

namespace frost {
namespace {

/// Collects different convolutions and counts equal ones.
class Layers {
 public:
  void add(const std::string& stage, const Conv2dShape& shape, int count = 1) {
    const auto same = std::find_if(layers.begin(), layers.end(),
                                   [&](const ConvLayer& l) { return l.shape == shape; });
    if (same != layers.end()) {
      same->count += count;
      return;
    }
    const std::string name = fmt::format("{} {}x{}{} {}>{} on {}", stage, shape.kh, shape.kw,
                                         shape.stride == 2 ? "/2" : "", shape.c, shape.k, shape.h);
    layers.push_back({name, shape, count});
  }

  std::vector<ConvLayer> layers;
};

}  // namespace

std::vector<ConvLayer> resnet_layers(int network, std::int64_t pixels, std::int64_t batch) {
  const ResNetSpec& spec = resnet_spec(network);
  Layers found;
  for (int unit = 0; unit < spec.units(); ++unit) {
    const std::int64_t entering = spec.side_at(unit, pixels);
    std::int64_t side = entering;
    for (const ResNetConv& conv : spec.convs(unit)) {
      const std::int64_t from = conv.shortcut ? entering : side;
      const auto shape = [&](std::int64_t channels) {
        return Conv2dShape{batch,       from,        from,        channels,  conv.out,
                           conv.kernel, conv.kernel, conv.stride, conv.pad()};
      };
      if (unit == 0) {
        found.add("stem", shape(1));
        found.add("stem", shape(conv.in), 0);
      } else {
        found.add(conv.conv.substr(0, conv.conv.find('.')), shape(conv.in));
      }
      side = conv.side_after(from);
    }
  }
  return found.layers;
}

}  // namespace frost
