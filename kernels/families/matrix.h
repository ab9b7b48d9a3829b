#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// Matrix products.
class MatrixKernels {
 public:
  virtual ~MatrixKernels() = default;

  /// C[m,n] (=|+=) op(A) op(B), row-major, with lda, ldb and ldc floats from row to row.
  virtual void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n,
                    std::int64_t k, const float* a, std::int64_t lda, const float* b,
                    std::int64_t ldb, GradOut c, std::int64_t ldc) = 0;
  /// y[n,out] = x[n,in] w[out,in]^T + bias[out]; a null bias is none.
  virtual void linear(std::int64_t n, std::int64_t out, std::int64_t in, const float* x,
                      const float* w, const float* bias, float* y) = 0;
};

}  // namespace frost
