#include "weights/onnx/onnx_resnet.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/layers/image_layout.h"
#include "kernels/errors.h"

namespace frost {
namespace {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

constexpr double kEpsilon = 1e-5;

Floats floats(const StateDict& body, const std::string& name, const Ints& shape) {
  return find_tensor(body, name, "body", shape).to_floats(name);
}

/// Adds the convolutions of one body.
class BodyWriter {
 public:
  BodyWriter(OnnxGraph& graph, const StateDict& body) : graph_(graph), body_(body) {}

  /// The convolution with its BatchNorm folded; `channels` enter it.
  std::string conv(const std::string& x, const std::string& name, const std::string& norm,
                   std::int64_t stride, std::int64_t channels = 0) {
    const HostTensor& stored = find_tensor(body_, name + ".weight", "body");
    if (stored.shape.size() != 4) fail("onnx", name + ".weight is no convolution's");
    const Ints shape = stored.shape;
    const auto [weight, bias] = folded(stored.to_floats(name), shape, norm);
    const bool sums = channels == 1 && shape[1] != 1;
    const Ints kernel{shape[2], shape[3]};
    const Ints written{shape[0], sums ? 1 : shape[1], shape[2], shape[3]};
    const std::vector<std::string> inputs = {
        x,
        graph_.constant(
            name + ".weight",
            HostTensor::from_floats(written, sums ? sum_input_channels(weight, shape) : weight)),
        graph_.constant(name + ".bias", HostTensor::from_floats({shape[0]}, bias))};
    const std::int64_t pad = shape[2] / 2;
    return graph_.node("Conv", inputs, name,
                       {{"kernel_shape", kernel},
                        {"strides", Ints{stride, stride}},
                        {"pads", Ints{pad, pad, pad, pad}}});
  }

  std::string relu(const std::string& x) { return graph_.node("Relu", {x}, x + ".relu"); }

  /// A basic block, or a bottleneck where there is a third convolution: its stride is in the 3x3.
  std::string block(const std::string& x, const std::string& name, std::int64_t stride) {
    const bool bottleneck = has(name + ".conv3");
    std::string y =
        relu(conv(x, name + ".conv1", name + ".bn1", bottleneck ? std::int64_t{1} : stride));
    y = conv(y, name + ".conv2", name + ".bn2", bottleneck ? stride : std::int64_t{1});
    if (bottleneck) y = conv(relu(y), name + ".conv3", name + ".bn3", 1);
    std::string shortcut = x;
    if (has(name + ".downsample.0")) {
      shortcut = conv(x, name + ".downsample.0", name + ".downsample.1", stride);
    }
    return relu(graph_.node("Add", {y, shortcut}, name));
  }

  bool has(const std::string& conv) const { return body_.contains(conv + ".weight"); }

 private:
  std::pair<Floats, Floats> folded(Floats weight, const Ints& shape, const std::string& norm) {
    const Ints channels{shape[0]};
    const Floats gamma = floats(body_, norm + ".weight", channels),
                 beta = floats(body_, norm + ".bias", channels),
                 mean = floats(body_, norm + ".running_mean", channels),
                 variance = floats(body_, norm + ".running_var", channels);
    const std::size_t taps = weight.size() / gamma.size();
    Floats bias;
    for (std::size_t c = 0; c < gamma.size(); ++c) {
      const double scale = gamma[c] / std::sqrt(variance[c] + kEpsilon);
      bias.push_back(static_cast<float>(beta[c] - mean[c] * scale));
      for (std::size_t i = c * taps; i < (c + 1) * taps; ++i) {
        weight[i] = static_cast<float>(weight[i] * scale);
      }
    }
    return {std::move(weight), std::move(bias)};
  }

  OnnxGraph& graph_;
  const StateDict& body_;
};

}  // namespace

std::string add_normalisation(OnnxGraph& graph, const std::string& x, std::int64_t channels,
                              const Preprocessing& preprocessing, const std::string& name) {
  std::string y = x;
  if (channels == 3 && preprocessing.channels == "bgr") {
    const std::string order =
        graph.constant(name + ".order", HostTensor::from_int64({3}, {2, 1, 0}));
    y = graph.node("Gather", {y, order}, name + ".bgr", {{"axis", std::int64_t{1}}});
  }
  const auto constant = [&](const char* what, float grey, const std::array<float, 3>& color) {
    const Floats colors(color.begin(), color.end());
    return graph.constant(name + what, channels == 1
                                           ? HostTensor::from_floats({}, {grey})
                                           : HostTensor::from_floats({1, 3, 1, 1}, colors));
  };
  const std::string mean = constant(".mean", preprocessing.grey_mean(), preprocessing.mean);
  y = graph.node("Sub", {y, mean}, name + ".centred");
  const std::string deviation =
      constant(".deviation", preprocessing.grey_deviation(), preprocessing.deviation);
  return graph.node("Div", {y, deviation}, name + ".normalised");
}

std::string add_picture_input(OnnxGraph& graph, const std::string& name, std::int64_t channels,
                              const Preprocessing& preprocessing) {
  graph.add_input({name, "F32", {"n", std::to_string(channels), "height", "width"}});
  std::string x = name;
  if (preprocessing.input_range != 1) {
    const auto range = static_cast<float>(preprocessing.input_range);
    x = graph.node("Div", {x, graph.constant("input_range", range)}, name + ".scaled");
  }
  return add_normalisation(graph, x, channels, preprocessing, name);
}

std::string add_resnet_map(OnnxGraph& graph, const std::string& input, const StateDict& body,
                           std::int64_t channels) {
  BodyWriter writer(graph, body);
  std::string x = writer.relu(writer.conv(input, "conv1", "bn1", 2, channels));
  x = graph.node("MaxPool", {x}, "maxpool",
                 {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints(4, 1)}});
  for (int stage = 1; stage <= 4; ++stage) {
    for (int b = 0;; ++b) {
      const std::string block = fmt::format("layer{}.{}", stage, b);
      if (!writer.has(block + ".conv1")) break;
      x = writer.block(x, block, stage > 1 && b == 0 ? 2 : 1);
    }
  }
  return x;
}

std::string add_pooling(OnnxGraph& graph, const std::string& map, const std::string& name) {
  return graph.node("Flatten", {graph.node("GlobalAveragePool", {map}, "avgpool")}, name);
}

int resnet_last_stage(const StateDict& body) {
  int stage = 0;
  while (body.contains(fmt::format("layer{}.0.conv1.weight", stage + 1))) ++stage;
  return stage;
}

std::int64_t resnet_width(const StateDict& body) {
  const int stage = resnet_last_stage(body);
  if (stage == 0) return find_tensor(body, "conv1.weight", "body").shape.at(0);
  const std::string block = fmt::format("layer{}.0.", stage);
  const bool bottleneck = body.contains(block + "conv3.weight");
  return find_tensor(body, block + (bottleneck ? "conv3.weight" : "conv2.weight"), "body")
      .shape.at(0);
}

}  // namespace frost
