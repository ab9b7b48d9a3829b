#pragma once

#include <cstdint>
#include <span>

#include "kernels/scalar_math.h"

namespace frost {

/// One tensor as the optimizer's kernels see it; `slot` is its place in arrays over all tensors.
struct OptimizerTensor {
  std::int64_t n = 0;
  std::int64_t slot = 0;
  const float* gradient = nullptr;
  float *first = nullptr, *second = nullptr, *parameter = nullptr;
};

/// Norms, clipping and steps over all tensors of an optimizer at once.
class OptimizerKernels {
 public:
  virtual ~OptimizerKernels() = default;

  /// squares[slot] = sum of squares of the gradient, in double, for every tensor.
  virtual void squared_norms(std::span<const OptimizerTensor> tensors, double* squares) = 0;
  /// coefficient[0] = `clip_coefficient` of the sum of squares[0 .. n).
  virtual void clip_gradients(std::int64_t n, const double* squares, double max_norm,
                              float* coefficient) = 0;
  /// `adam_element` with factors[slot] and gradients times coefficient[0]; nothing happens where
  /// that is not a number. factors, squares and coefficient are device memory: what changes from
  /// step to step is not an argument.
  virtual void adam_step(std::span<const OptimizerTensor> tensors, const AdamFactors* factors,
                         const float* coefficient) = 0;
};

}  // namespace frost
