#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// Functions of one element at a time, over n elements.
class ElementwiseKernels {
 public:
  virtual ~ElementwiseKernels() = default;

  /// y (=|+=) alpha * x
  virtual void axpy(std::int64_t n, float alpha, const float* x, GradOut y) = 0;
  /// y = a + b
  virtual void add(std::int64_t n, const float* a, const float* b, float* y) = 0;
  /// Exact (erf) GELU.
  virtual void gelu_forward(std::int64_t n, const float* x, float* y) = 0;
  virtual void gelu_backward(std::int64_t n, const float* x, const float* dy, GradOut dx) = 0;
  virtual void tanh_forward(std::int64_t n, const float* x, float* y) = 0;
  /// From y = tanh(x).
  virtual void tanh_backward(std::int64_t n, const float* y, const float* dy, GradOut dx) = 0;
  /// y = max(x, 0); a NaN stays.
  virtual void relu_forward(std::int64_t n, const float* x, float* y) = 0;
  /// y = scale * x + shift
  virtual void bytes_to_floats(std::int64_t n, const std::uint8_t* x, float scale, float shift,
                               float* y) = 0;
  /// bits[i/32] holds y[i] > 0 at bit i % 32; words = ceil(n / 32).
  virtual void sign_bits(std::int64_t n, const float* y, std::uint32_t* bits) = 0;
  /// dx = dy where the bit is set, else 0.
  virtual void mask_by_bits(std::int64_t n, const float* dy, const std::uint32_t* bits,
                            float* dx) = 0;
};

}  // namespace frost
