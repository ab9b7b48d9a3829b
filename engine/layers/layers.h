#pragma once

#include "engine/module.h"
#include "engine/ops.h"

namespace frost {

/// A trainable tensor of zeros, tagged as parameter.
Tensor make_parameter(Backend& backend, Shape shape);

/// x W^T + b. Parameters `weight` [out,in] and, unless turned off, `bias` [out]; all trainable.
class Linear : public Module {
 public:
  Linear(Backend& backend, std::int64_t in, std::int64_t out, bool with_bias = true);
  Tensor operator()(const Tensor& x) const { return linear(x, weight, bias); }

  Tensor weight, bias;
};

/// A convolution with bias, padded to keep the side of a map of stride 1; parameters `weight`
/// [out,kernel,kernel,in] and `bias` [out].
///
/// A `conv_bn` whose BatchNorm is the identity but for its shift, so that a residual and a ReLU
/// go into the same op.
class Convolution : public Module {
 public:
  Convolution(Backend& backend, std::int64_t in, std::int64_t out, std::int64_t kernel = 3);
  Tensor operator()(const Tensor& x, const Tensor& residual = {}, bool relu = false) {
    return conv_bn(x, layer_, residual, relu);
  }
  /// Orthogonal weight and zero bias.
  void initialize(double gain, RandomStream& random);

 private:
  ConvBatchNorm layer_;
};

/// LayerNorm over columns; parameters `weight` = 1 and `bias` = 0.
class LayerNorm : public Module {
 public:
  LayerNorm(Backend& backend, std::int64_t cols);
  Tensor operator()(const Tensor& x) const { return layer_norm(x, weight, bias); }

  Tensor weight, bias;
};

/// The variance by which a BatchNorm in inference form divides by 1.
inline constexpr float kUnitVariance = 1.0f - kBatchNormEpsilon;

/// Fills with U(-bound, bound).
void fill_uniform(Tensor& tensor, double bound, RandomStream& random);
void fill_constant(Tensor& tensor, float value);
/// U(-a, a) with a = sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010); the last dimension is
/// fan-in.
void xavier_uniform(Tensor& weight, RandomStream& random);
/// N(0, 2 / fan_out) (He et al. 2015) of an OHWI convolution weight.
void kaiming_normal_fan_out(Tensor& weight, RandomStream& random);

/// `gain` times a random matrix with orthonormal rows, or columns where those are fewer (Saxe et
/// al. 2014); weight [out,in], or a convolution's with all but the first dimension as columns.
void orthogonal(Tensor& weight, double gain, RandomStream& random);

/// Orthogonal weight and zero bias.
void initialize_orthogonal(Linear& layer, double gain, RandomStream& random);
/// Xavier-uniform weight and a constant 0.01 bias, as every Linear outside attention starts.
void initialize_linear(Linear& layer, RandomStream& random);

}  // namespace frost
