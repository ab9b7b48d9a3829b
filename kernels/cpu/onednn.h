#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/backend.h"

namespace frost {

/// Version and instruction set of the oneDNN in use.
std::string onednn_description();

/// C = op(A) op(B) + beta C, row-major.
void onednn_gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                 const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta,
                 float* c, std::int64_t ldc);

/// Direct convolutions on NHWC activations with weights in oneDNN's own formats.
///
/// Ready primitives are kept in an LRU; reordered weights are kept per (id, format) and renewed
/// when the version changes; scratch memory is ours. This file's .cpp is the only one that includes
/// oneDNN.
class OneDnnConvolutions {
 public:
  explicit OneDnnConvolutions(Backend& backend);
  ~OneDnnConvolutions();

  void forward(const Conv2dShape& shape, const float* x, WeightView weight, const float* bias,
               const float* residual, bool relu, float* y);
  /// dx is overwritten.
  void backward_data(const Conv2dShape& shape, const float* dy, WeightView weight, float* dx);
  void backward_weight(const Conv2dShape& shape, const float* x, const float* dy, GradOut dweight);
  void forget(std::uint64_t id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace frost
