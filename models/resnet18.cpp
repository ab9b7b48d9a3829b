#include "models/resnet18.h"

#include <algorithm>
#include <cmath>

#include "kernels/errors.h"

namespace frost {
namespace {

std::vector<float> finite_floats(const HostTensor& tensor, const std::string& name) {
  std::vector<float> values = tensor.to_floats(name);
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    throw Error("weights tensor '" + name + "' is not finite at element " +
                std::to_string(bad - values.begin()));
  }
  return values;
}

/// [o,3,kh,kw] -> [o,1,kh,kw], summed in double.
std::vector<float> sum_input_channels(const std::vector<float>& oihw, const Shape& shape) {
  const auto channels = static_cast<std::size_t>(shape[1]);
  const auto taps = static_cast<std::size_t>(shape[2] * shape[3]);
  std::vector<float> out(oihw.size() / channels);
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      sum += oihw[(i / taps * channels + c) * taps + i % taps];
    }
    out[i] = static_cast<float>(sum);
  }
  return out;
}

}  // namespace

namespace {

Tensor conv_unit(const Tensor& x, ConvBatchNorm& layer, const Tensor& residual, bool with_relu,
                 bool fold) {
  if (fold) return conv_bn(x, layer, residual, with_relu);
  const std::int64_t channels = layer.weight.dim(3);
  const Tensor input = x.dim(3) == channels ? x : repeat_channels(x, channels);
  Tensor y = batch_norm(conv2d(input, layer.weight, layer.stride, layer.pad), layer.gamma,
                        layer.beta, layer.mean, layer.var);
  if (residual.defined()) y = add(y, residual);
  return with_relu ? relu(y) : y;
}

}  // namespace

Tensor BasicBlock::operator()(const Tensor& x, bool fold) {
  const Tensor shortcut = projects ? conv_unit(x, downsample, {}, false, fold) : x;
  return conv_unit(conv_unit(x, conv1, {}, true, fold), conv2, shortcut, true, fold);
}

ResNet18::ResNet18(Backend& backend, std::int64_t in_channels, bool folding)
    : fold_(folding), stem_(make_conv(backend, "conv1", "bn1", in_channels, 64, 7, 2)) {
  std::int64_t in = 64;
  for (std::size_t s = 0; s < 4; ++s) {
    const std::int64_t out = std::int64_t{64} << s;
    for (std::size_t b = 0; b < 2; ++b) {
      const std::string name = "layer" + std::to_string(s + 1) + "." + std::to_string(b) + ".";
      const std::int64_t stride = s > 0 && b == 0 ? 2 : 1;
      BasicBlock& block = stages_[s][b];
      block.conv1 = make_conv(backend, name + "conv1", name + "bn1", in, out, 3, stride);
      block.conv2 = make_conv(backend, name + "conv2", name + "bn2", out, out, 3, 1);
      block.projects = stride == 2;
      if (block.projects) {
        block.downsample =
            make_conv(backend, name + "downsample.0", name + "downsample.1", in, out, 1, stride);
      }
      in = out;
    }
  }
}

ConvBatchNorm ResNet18::make_conv(Backend& backend, const std::string& conv, const std::string& bn,
                                  std::int64_t in, std::int64_t out, std::int64_t kernel,
                                  std::int64_t stride) {
  ConvBatchNorm layer;
  layer.stride = stride;
  layer.pad = kernel / 2;
  layer.weight = make_parameter(backend, {out, kernel, kernel, in});
  layer.gamma = make_parameter(backend, {out});
  layer.beta = make_parameter(backend, {out});
  layer.mean = Tensor::zeros(backend, {out}, MemoryTag::kParameters);
  layer.var = Tensor::zeros(backend, {out}, MemoryTag::kParameters);
  register_parameter(conv + ".weight", layer.weight);
  register_parameter(bn + ".weight", layer.gamma);
  register_parameter(bn + ".bias", layer.beta);
  register_buffer(bn + ".running_mean", layer.mean);
  register_buffer(bn + ".running_var", layer.var);
  return layer;
}

Tensor ResNet18::forward(const Tensor& input, int begin, int end) {
  Tensor x = input;
  for (int unit = begin; unit < end; ++unit) {
    if (unit == 0) {
      x = max_pool2d(conv_unit(x, stem_, {}, true, fold_), 3, 2, 1);
    } else if (unit == kUnits - 1) {
      x = global_avg_pool(x);
    } else {
      const auto block = static_cast<std::size_t>(unit - 1);
      x = stages_[block / 2][block % 2](x, fold_);
    }
  }
  return x;
}

std::vector<const ConvBatchNorm*> ResNet18::unit_convs(int unit) const {
  if (unit == 0) return {&stem_};
  if (unit == kUnits - 1) return {};
  const auto index = static_cast<std::size_t>(unit - 1);
  const BasicBlock& block = stages_[index / 2][index % 2];
  std::vector<const ConvBatchNorm*> convs = {&block.conv1, &block.conv2};
  if (block.projects) convs.push_back(&block.downsample);
  return convs;
}

std::vector<Tensor> ResNet18::unit_tensors(int unit) const {
  std::vector<Tensor> tensors;
  for (const ConvBatchNorm* conv : unit_convs(unit)) {
    for (const Tensor& t : {conv->weight, conv->gamma, conv->beta, conv->mean, conv->var}) {
      tensors.push_back(t);
    }
  }
  return tensors;
}

Shape ResNet18::unit_input(int unit, const Shape& image) const {
  if (unit == 0) return image;
  if (unit == kUnits) return {kFeatures};
  int halvings = 2;  // stem and max pooling
  std::int64_t channels = 64;
  for (int block = 3; block < unit; block += 2) {  // the first block of stages 2, 3, 4
    ++halvings;
    channels *= 2;
  }
  const auto halved = [halvings](std::int64_t n) {
    for (int i = 0; i < halvings; ++i) n = (n + 1) / 2;
    return n;
  };
  return {halved(image[0]), halved(image[1]), channels};
}

std::vector<ConvWork> ResNet18::unit_work(int unit, std::int64_t side) const {
  std::vector<ConvWork> work;
  const Shape entering = unit_input(unit, {side, side, 1});
  std::int64_t in = entering[0];
  for (const ConvBatchNorm* conv : unit_convs(unit)) {
    const Shape& w = conv->weight.shape();
    // The projection reads the block's input, the others the one before.
    const std::int64_t from = w[1] == 1 ? entering[0] : in;
    const std::int64_t out = (from + 2 * conv->pad - w[1]) / conv->stride + 1;
    const std::int64_t channels = unit == 0 ? 1 : w[3];
    const bool affine = conv->weight.requires_grad() || conv->gamma.requires_grad();
    work.push_back({static_cast<double>(out * out * w[0] * w[1] * w[2] * channels),
                    affine || conv->beta.requires_grad(), affine});
    if (w[1] != 1) in = out;
  }
  return work;
}

void ResNet18::initialize(RandomStream& random) {
  for (NamedTensor& p : parameters()) {
    if (p.tensor.shape().size() == 4) {
      kaiming_normal_fan_out(p.tensor, random);
    } else {
      fill_constant(p.tensor, p.name.ends_with(".weight") ? 1.0f : 0.0f);
    }
  }
  for (NamedTensor& b : buffers()) {
    fill_constant(b.tensor, b.name.ends_with(".running_var") ? 1.0f : 0.0f);
  }
}

void ResNet18::load(const StateDict& state) {
  for (NamedTensor& p : parameters()) {
    const Shape& ohwi = p.tensor.shape();
    if (ohwi.size() != 4) {
      p.tensor.copy_from_host(
          finite_floats(find_tensor(state, p.name, "weights file", ohwi), p.name));
      continue;
    }
    Shape oihw{ohwi[0], ohwi[3], ohwi[1], ohwi[2]};
    const auto stored = state.find(p.name);
    const bool sum = p.name == "conv1.weight" && oihw[1] == 1 && stored != state.end() &&
                     stored->second.shape == Shape{64, 3, 7, 7};
    const Shape source{oihw[0], sum ? 3 : oihw[1], oihw[2], oihw[3]};
    std::vector<float> values =
        finite_floats(find_tensor(state, p.name, "weights file", source), p.name);
    if (sum) values = sum_input_channels(values, source);
    p.tensor.copy_from_host(nchw_to_nhwc(values, oihw));
  }
  for (NamedTensor& b : buffers()) {
    b.tensor.copy_from_host(
        finite_floats(find_tensor(state, b.name, "weights file", b.tensor.shape()), b.name));
  }
}

StateDict ResNet18::torchvision_state_dict() const {
  StateDict state;
  for (const NamedTensor& p : parameters()) {
    const Shape& s = p.tensor.shape();
    const std::vector<float> values = p.tensor.to_host();
    state[p.name] = s.size() == 4
                        ? HostTensor::from_floats({s[0], s[3], s[1], s[2]}, nhwc_to_nchw(values, s))
                        : HostTensor::from_floats(s, values);
  }
  for (const NamedTensor& b : buffers()) {
    state[b.name] = HostTensor::from_floats(b.tensor.shape(), b.tensor.to_host());
  }
  return state;
}

ResNet18Classifier::ResNet18Classifier(Backend& backend)
    : body(backend, 3), fc(backend, ResNet18::kFeatures, 1000) {
  register_module("body", body);
  register_module("fc", fc);
}

void ResNet18Classifier::load(const StateDict& state) {
  body.load(state);
  for (const auto& [name, tensor] : {std::pair{"fc.weight", &fc.weight}, {"fc.bias", &fc.bias}}) {
    tensor->copy_from_host(
        finite_floats(find_tensor(state, name, "weights file", tensor->shape()), name));
  }
}

std::vector<float> nchw_to_nhwc(const std::vector<float>& values, const Shape& s) {
  const auto n = static_cast<std::size_t>(s[0]), c = static_cast<std::size_t>(s[1]);
  const auto pixels = static_cast<std::size_t>(s[2] * s[3]);
  std::vector<float> out(values.size());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < c; ++j) {
      for (std::size_t p = 0; p < pixels; ++p) {
        out[(i * pixels + p) * c + j] = values[(i * c + j) * pixels + p];
      }
    }
  }
  return out;
}

std::vector<float> nhwc_to_nchw(const std::vector<float>& values, const Shape& s) {
  // The inverse permutation is the same transposition with pixels and channels exchanged.
  return nchw_to_nhwc(values, {s[0], s[1] * s[2], s[3], 1});
}

}  // namespace frost
