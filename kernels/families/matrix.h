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
};

}  // namespace frost
