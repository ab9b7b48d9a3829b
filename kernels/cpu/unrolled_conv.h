#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "kernels/backend.h"
#include "kernels/tracked_buffer.h"

namespace frost {

/// Convolutions on maps smaller than the kernel's reach, as one matrix product.
///
/// With x as [n, h*w*c] and y as [n, oh*ow*k], the convolution is y = x M^T, where row (oy,ox,o) of
/// M holds weight[o] at the taps that meet data. Taps that only ever meet padding are in no row:
/// they cost nothing and get exactly zero gradient (docs/durotaxis.md, "Actor and critic").
class UnrolledConvolutions {
 public:
  explicit UnrolledConvolutions(Backend& backend) : backend_(backend) {}

  /// Whether the matrix is no larger than the work it saves.
  static bool pays(const Conv2dShape& shape) { return shape.h * shape.w < shape.kh * shape.kw; }

  void forward(const Conv2dShape& shape, const float* x, WeightView weight, const float* bias,
               const float* residual, bool relu, float* y);
  void backward_data(const Conv2dShape& shape, const float* dy, WeightView weight, GradOut dx);
  void backward_weight(const Conv2dShape& shape, const float* x, const float* dy, GradOut dweight);
  void forget(std::uint64_t id) { matrices_.erase(id); }

 private:
  struct Matrix {
    std::int64_t h, w;
    std::uint64_t version;
    TrackedBuffer buffer;
  };

  const float* matrix(const Conv2dShape& shape, WeightView weight);
  static void unroll(const Conv2dShape& shape, const float* weight, float* matrix);

  Backend& backend_;
  std::unordered_map<std::uint64_t, std::vector<Matrix>> matrices_;
  TrackedBuffer scratch_;
};

}  // namespace frost
