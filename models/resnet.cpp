#include "models/resnet.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/layers/image_layout.h"
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

ResNet::ResNet(Backend& backend, int depth, std::int64_t in_channels, bool folding, ResNetTap tap)
    : spec_(resnet_spec(depth)), tap_(tap), fold_(folding) {
  for (int u = 0; u < units(); ++u) {
    Unit& unit = units_.emplace_back();
    if (u == last_block()) break;
    for (const ResNetConv& conv : spec_.convs(u)) {
      unit.convs.push_back(make_conv(backend, conv, u == 0 ? in_channels : conv.in));
      unit.projects = conv.shortcut;
    }
  }
}

ConvBatchNorm ResNet::make_conv(Backend& backend, const ResNetConv& spec, std::int64_t in) {
  ConvBatchNorm layer;
  layer.stride = spec.stride;
  layer.pad = spec.pad();
  layer.weight = make_parameter(backend, {spec.out, spec.kernel, spec.kernel, in});
  layer.gamma = make_parameter(backend, {spec.out});
  layer.beta = make_parameter(backend, {spec.out});
  layer.mean = Tensor::zeros(backend, {spec.out}, MemoryTag::kParameters);
  layer.var = Tensor::zeros(backend, {spec.out}, MemoryTag::kParameters);
  register_parameter(spec.conv + ".weight", layer.weight);
  register_parameter(spec.norm + ".weight", layer.gamma);
  register_parameter(spec.norm + ".bias", layer.beta);
  register_buffer(spec.norm + ".running_mean", layer.mean);
  register_buffer(spec.norm + ".running_var", layer.var);
  return layer;
}

Tensor ResNet::block(const Tensor& x, Unit& unit) {
  const Tensor shortcut = unit.projects ? conv_unit(x, unit.convs.back(), {}, false, fold_) : x;
  const std::size_t last = unit.convs.size() - (unit.projects ? 2 : 1);
  Tensor y = x;
  for (std::size_t i = 0; i < last; ++i) y = conv_unit(y, unit.convs[i], {}, true, fold_);
  return conv_unit(y, unit.convs[last], shortcut, true, fold_);
}

Tensor ResNet::forward(const Tensor& input, int begin, int end) {
  Tensor x = input;
  for (int u = begin; u < end; ++u) {
    Unit& unit = units_.at(static_cast<std::size_t>(u));
    if (u == 0) {
      x = max_pool2d(conv_unit(x, unit.convs[0], {}, true, fold_), 3, 2, 1);
    } else if (u == last_block()) {
      x = global_avg_pool(x);
    } else {
      x = block(x, unit);
    }
  }
  return x;
}

std::vector<Tensor> ResNet::unit_tensors(int unit) const {
  std::vector<Tensor> tensors;
  for (const ConvBatchNorm& conv : units_.at(static_cast<std::size_t>(unit)).convs) {
    for (const Tensor& t : {conv.weight, conv.gamma, conv.beta, conv.mean, conv.var}) {
      tensors.push_back(t);
    }
  }
  return tensors;
}

Shape ResNet::unit_input(int unit, const Shape& image) const {
  if (unit == 0) return image;
  const std::int64_t yielded = spec_.channels(tap_.stage);
  if (unit > last_block()) return {yielded};
  const std::int64_t channels = unit == last_block() ? yielded : spec_.convs(unit).front().in;
  return {spec_.side_at(unit, image[0]), spec_.side_at(unit, image[1]), channels};
}

std::vector<ConvWork> ResNet::unit_work(int unit, const Shape& image) const {
  std::vector<ConvWork> work;
  const std::array<std::int64_t, 2> entering = {spec_.side_at(unit, image[0]),
                                                spec_.side_at(unit, image[1])};
  std::array<std::int64_t, 2> at = entering;
  const std::vector<ResNetConv> specs =
      unit == last_block() ? std::vector<ResNetConv>() : spec_.convs(unit);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const ResNetConv& spec = specs[i];
    const ConvBatchNorm& conv = units_.at(static_cast<std::size_t>(unit)).convs[i];
    const auto& from = spec.shortcut ? entering : at;
    at = {spec.side_after(from[0]), spec.side_after(from[1])};
    const std::int64_t channels = unit == 0 ? image[2] : spec.in;
    const bool affine = conv.weight.requires_grad() || conv.gamma.requires_grad();
    work.push_back(
        {static_cast<double>(at[0] * at[1] * spec.out * spec.kernel * spec.kernel * channels),
         affine || conv.beta.requires_grad(), affine});
  }
  return work;
}

void ResNet::initialize(RandomStream& random) {
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

void ResNet::load(const StateDict& state) {
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

StateDict ResNet::torchvision_state_dict() const {
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

ResNetClassifier::ResNetClassifier(Backend& backend, int depth, std::int64_t classes)
    : body(backend, depth, 3), fc(backend, body.spec().features(), classes) {
  register_module("body", body);
  register_module("fc", fc);
}

void ResNetClassifier::load(const StateDict& state) {
  body.load(state);
  for (const auto& [name, tensor] : {std::pair{"fc.weight", &fc.weight}, {"fc.bias", &fc.bias}}) {
    tensor->copy_from_host(
        finite_floats(find_tensor(state, name, "weights file", tensor->shape()), name));
  }
}

}  // namespace frost
