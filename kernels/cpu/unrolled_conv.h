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

  /// Maps smaller than the kernel; with a stride, which slows the direct kernels, as large ones
  /// too. Measured on ResNet18's 3x3 convolutions: 2x2 maps run 2-7 times as fast, 3x3 maps 1.3-1.6
  /// times with stride 2 and 0.6-0.9 times with stride 1.
  static bool pays(const Conv2dShape& shape) {
    const std::int64_t map = shape.h * shape.w, kernel = shape.kh * shape.kw;
    return shape.stride == 1 ? map < kernel : map <= kernel && kernel > 1;
  }

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
