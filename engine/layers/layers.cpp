#include "engine/layers/layers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace frost {
namespace {

template <class Draw>
void fill(Tensor& tensor, const Draw& draw) {
  std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
  for (float& v : values) v = draw();
  tensor.copy_from_host(values);
}

}  // namespace

Tensor make_parameter(Backend& backend, Shape shape) {
  Tensor t = Tensor::zeros(backend, std::move(shape), MemoryTag::kParameters);
  t.set_requires_grad(true);
  return t;
}

Linear::Linear(Backend& backend, std::int64_t in, std::int64_t out, bool with_bias)
    : weight(make_parameter(backend, {out, in})) {
  register_parameter("weight", weight);
  if (!with_bias) return;
  bias = make_parameter(backend, {out});
  register_parameter("bias", bias);
}

Convolution::Convolution(Backend& backend, std::int64_t in, std::int64_t out, std::int64_t kernel) {
  const auto constant = [&](float value) {
    return Tensor::from_host(backend, {out},
                             std::vector<float>(static_cast<std::size_t>(out), value));
  };
  layer_.pad = kernel / 2;
  layer_.weight = make_parameter(backend, {out, kernel, kernel, in});
  layer_.beta = make_parameter(backend, {out});
  layer_.gamma = constant(1.0f);
  layer_.mean = constant(0.0f);
  layer_.var = constant(kUnitVariance);
  register_parameter("weight", layer_.weight);
  register_parameter("bias", layer_.beta);
}

void Convolution::initialize(double gain, RandomStream& random) {
  orthogonal(layer_.weight, gain, random);
  fill_constant(layer_.beta, 0.0f);
}

LayerNorm::LayerNorm(Backend& backend, std::int64_t cols)
    : weight(make_parameter(backend, {cols})), bias(make_parameter(backend, {cols})) {
  fill_constant(weight, 1.0f);
  register_parameter("weight", weight);
  register_parameter("bias", bias);
}

void fill_uniform(Tensor& tensor, double bound, RandomStream& random) {
  fill(tensor, [&] { return static_cast<float>(random.uniform(-bound, bound)); });
}

void fill_constant(Tensor& tensor, float value) {
  fill(tensor, [&] { return value; });
}

void xavier_uniform(Tensor& weight, RandomStream& random) {
  const auto fans = static_cast<double>(weight.dim(0) + weight.dim(1));
  fill_uniform(weight, std::sqrt(6.0 / fans), random);
}

void kaiming_normal_fan_out(Tensor& weight, RandomStream& random) {
  const auto fan_out = static_cast<double>(weight.dim(0) * weight.dim(1) * weight.dim(2));
  const auto deviation = static_cast<float>(std::sqrt(2.0 / fan_out));
  fill(weight, [&] { return deviation * random.normal(); });
}

void orthogonal(Tensor& weight, double gain, RandomStream& random) {
  const auto out = static_cast<std::size_t>(weight.dim(0));
  const auto in = static_cast<std::size_t>(weight.numel()) / out;
  // Modified Gram-Schmidt on Gaussian vectors, the fewer and longer way round.
  std::vector<std::vector<double>> basis(std::min(out, in));
  for (std::size_t i = 0; i < basis.size(); ++i) {
    std::vector<double>& v = basis[i];
    for (std::size_t k = 0; k < std::max(out, in); ++k) v.push_back(random.normal());
    for (std::size_t j = 0; j < i; ++j) {
      const double along = std::inner_product(v.begin(), v.end(), basis[j].begin(), 0.0);
      for (std::size_t k = 0; k < v.size(); ++k) v[k] -= along * basis[j][k];
    }
    const double norm = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    for (double& x : v) x /= norm;
  }
  std::vector<float> values;
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t i = 0; i < in; ++i) {
      values.push_back(static_cast<float>(gain * (out <= in ? basis[o][i] : basis[i][o])));
    }
  }
  weight.copy_from_host(values);
}

void initialize_orthogonal(Linear& layer, double gain, RandomStream& random) {
  orthogonal(layer.weight, gain, random);
  if (layer.bias.defined()) fill_constant(layer.bias, 0.0f);
}

void initialize_linear(Linear& layer, RandomStream& random) {
  xavier_uniform(layer.weight, random);
  if (layer.bias.defined()) fill_constant(layer.bias, 0.01f);
}

}  // namespace frost
