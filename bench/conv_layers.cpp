#include "bench/conv_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kernels/errors.h"

namespace frost {
namespace {

class Network {
 public:
  Network(std::int64_t batch, std::int64_t pixels) : batch_(batch), side_(pixels) {}

  /// A convolution of `c` to `k` channels on the present map.
  void add(const std::string& stage, std::int64_t c, std::int64_t k, std::int64_t kernel,
           std::int64_t stride, int count = 1) {
    const Conv2dShape shape{batch_, side_, side_, c, k, kernel, kernel, stride, kernel / 2};
    const auto same = std::find_if(layers.begin(), layers.end(),
                                   [&](const ConvLayer& l) { return l.shape == shape; });
    if (same != layers.end()) {
      same->count += count;
      return;
    }
    const std::string name = fmt::format("{} {}x{}{} {}>{} on {}", stage, kernel, kernel,
                                         stride == 2 ? "/2" : "", c, k, side_);
    layers.push_back({name, shape, count});
  }
  void halve() { side_ = (side_ + 1) / 2; }

  std::vector<ConvLayer> layers;

 private:
  std::int64_t batch_, side_;
};

/// Two 3x3 convolutions, or 1x1, 3x3 and 1x1 to four times the width.
void add_block(Network& net, const std::string& stage, std::int64_t in, std::int64_t width,
               std::int64_t stride, bool bottleneck) {
  const std::int64_t out = bottleneck ? 4 * width : width;
  if (in != out) net.add(stage, in, out, 1, stride);
  if (bottleneck) net.add(stage, in, width, 1, 1);
  net.add(stage, bottleneck ? width : in, width, 3, stride);
  if (stride == 2) net.halve();
  if (bottleneck) {
    net.add(stage, width, out, 1, 1);
  } else {
    net.add(stage, width, width, 3, 1);
  }
}

}  // namespace

std::vector<ConvLayer> resnet_layers(int network, std::int64_t pixels, std::int64_t batch) {
  if (network != 18 && network != 34 && network != 50) throw UsageError("network: 18, 34 or 50");
  const std::array<int, 4> blocks = network == 18 ? std::array{2, 2, 2, 2} : std::array{3, 4, 6, 3};
  const bool bottleneck = network == 50;
  Network net(batch, pixels);
  net.add("stem", 1, 64, 7, 2);
  net.add("stem", 3, 64, 7, 2, 0);
  net.halve();
  net.halve();  // the max pooling
  std::int64_t in = 64;
  for (std::size_t s = 0; s < blocks.size(); ++s) {
    const std::int64_t width = std::int64_t{64} << s;
    for (int b = 0; b < blocks[s]; ++b) {
      add_block(net, fmt::format("layer{}", s + 1), in, width, s > 0 && b == 0 ? 2 : 1, bottleneck);
      in = bottleneck ? 4 * width : width;
    }
  }
  return net.layers;
}

}  // namespace frost
