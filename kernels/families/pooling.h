#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// A 2-D max pooling with square window: x [n,h,w,c], y [n,oh(),ow(),c].
struct Pool2dShape {
  std::int64_t n, h, w, c, kernel, stride, pad;

  std::int64_t oh() const { return (h + 2 * pad - kernel) / stride + 1; }
  std::int64_t ow() const { return (w + 2 * pad - kernel) / stride + 1; }
};

/// Pooling over the pixels of a map.
class PoolingKernels {
 public:
  virtual ~PoolingKernels() = default;

  /// index is nullable: the window position (0 .. kernel^2 - 1) of each maximum, first one wins.
  virtual void max_pool2d_forward(const Pool2dShape& shape, const float* x, float* y,
                                  std::uint8_t* index) = 0;
  virtual void max_pool2d_backward(const Pool2dShape& shape, const float* dy,
                                   const std::uint8_t* index, GradOut dx) = 0;
  /// x [n, pixels, c] -> y [n, c], mean over pixels.
  virtual void global_avg_pool_forward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                       const float* x, float* y) = 0;
  virtual void global_avg_pool_backward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                        const float* dy, GradOut dx) = 0;
};

}  // namespace frost
