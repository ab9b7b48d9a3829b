#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cpu/conv/packed_weights.h"

namespace frost {

/// Convolutions of any shape as matrix products over rows of pointers (the indirect convolution
/// algorithm, Dukhan 2019): a row is one pixel of one image, and each tap says where it reads.
///
/// Rows run over images first, then pixels, so that the rows of a tile mostly share their live
/// taps: what only meets padding is left out, and gets exactly zero gradient. Values do not depend
/// on the batch an image is in.
class IndirectConvolutions {
 public:
  explicit IndirectConvolutions(Backend& backend) : backend_(backend), packed_(backend) {}

  void forward(const Conv2dShape& shape, const float* x, WeightView weight, const float* bias,
               const float* residual, bool relu, float* y);
  void backward_data(const Conv2dShape& shape, const float* dy, WeightView weight, GradOut dx);
  void backward_weight(const Conv2dShape& shape, const float* x, const float* dy, GradOut dweight);
  void forget(std::uint64_t id) { packed_.forget(id); }

  /// Multiplications of one forward pass, or of either gradient.
  static std::int64_t multiplications(const Conv2dShape& shape);

 private:
  const float* packed(const Conv2dShape& shape, WeightView weight);

  Backend& backend_;
  PackedWeights packed_;
};

}  // namespace frost
