#pragma once

#include <cstdint>
#include <unordered_map>

#include "kernels/backend.h"
#include "kernels/tracked_buffer.h"

namespace frost {

/// Convolutions on small maps, as one matrix product per pixel and tap that meets data, with the
/// images of the batch as rows.
///
/// Taps that only ever meet padding cost nothing and get exactly zero gradient. The forward pass
/// keeps a copy of the weight as [tap, c, k]; the data gradient reads the weight as it is.
class TapConvolutions {
 public:
  explicit TapConvolutions(Backend& backend) : backend_(backend) {}

  static bool fits(const Conv2dShape& shape) { return shape.c % 16 == 0 && shape.k % 16 == 0; }

  void forward(const Conv2dShape& shape, const float* x, WeightView weight, const float* bias,
               const float* residual, bool relu, float* y);
  void backward_data(const Conv2dShape& shape, const float* dy, WeightView weight, GradOut dx);
  void backward_weight(const Conv2dShape& shape, const float* x, const float* dy, GradOut dweight);
  void forget(std::uint64_t id) { packed_.erase(id); }

 private:
  struct Packed {
    std::uint64_t version;
    TrackedBuffer buffer;
  };

  const float* packed(const Conv2dShape& shape, WeightView weight);

  Backend& backend_;
  std::unordered_map<std::uint64_t, Packed> packed_;
  TrackedBuffer unnamed_;
};

}  // namespace frost
