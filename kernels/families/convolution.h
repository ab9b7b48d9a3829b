#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// A 2-D convolution: x [n,h,w,c] (NHWC), weight [k,kh,kw,c] (OHWI), y [n,oh(),ow(),k].
struct Conv2dShape {
  std::int64_t n, h, w, c, k, kh, kw, stride, pad;

  std::int64_t oh() const { return (h + 2 * pad - kh) / stride + 1; }
  std::int64_t ow() const { return (w + 2 * pad - kw) / stride + 1; }
  bool operator==(const Conv2dShape&) const = default;
};

/// A weight as a kernel sees it: data plus identity. Backends keep reordered copies by `id` and
/// renew them when `version` changes; id 0 means: do not keep.
struct WeightView {
  const float* data = nullptr;
  std::uint64_t id = 0;
  std::uint64_t version = 0;
};

/// 2-D convolutions. In a dry run they allocate what they keep and need, and compute nothing.
class ConvolutionKernels {
 public:
  virtual ~ConvolutionKernels() = default;

  /// y = conv(x, w) + bias (+ residual) (then ReLU). bias [k] and residual [like y] are nullable.
  virtual void conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                              const float* bias, const float* residual, bool relu, float* y) = 0;
  virtual void conv2d_backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                                    GradOut dx) = 0;
  virtual void conv2d_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                                      GradOut dweight) = 0;
  /// Drops reordered copies of a weight that no longer exists.
  virtual void forget_weight(std::uint64_t id) = 0;
};

}  // namespace frost
