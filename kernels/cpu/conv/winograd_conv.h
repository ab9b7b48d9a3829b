#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "kernels/cpu/conv/packed_weights.h"

namespace frost {

struct TileKernels;

/// 3x3 convolutions with stride 1 by short correlation algorithms (docs/architecture.md,
/// "Convolutions on the CPU"), on NHWC maps as they are.
///
/// Tiles of the input become products of V, the weight becomes U [product, c, k]; then
/// y = output(V U). The gradients run the same three transforms backwards, so one packed U serves
/// the forward pass and the data gradient. Values do not depend on the batch an image is in.
class WinogradConvolutions {
 public:
  explicit WinogradConvolutions(Backend& backend) : backend_(backend), packed_(backend) {}

  /// Whether this class computes the shape at all, and with less work than one product per tap.
  static bool pays(const Conv2dShape& shape);
  /// Of one forward pass, or of either gradient, without the transforms.
  static std::int64_t multiplications(const Conv2dShape& shape);

  void forward(const Conv2dShape& shape, const float* x, WeightView weight, const float* bias,
               const float* residual, bool relu, float* y);
  void backward_data(const Conv2dShape& shape, const float* dy, WeightView weight, GradOut dx);
  void backward_weight(const Conv2dShape& shape, const float* x, const float* dy, GradOut dweight);
  void forget(std::uint64_t id) { packed_.forget(id); }

 private:
  const float* packed(const Conv2dShape& shape, const TileKernels& kernels, WeightView weight);

  Backend& backend_;
  PackedWeights packed_;
};

}  // namespace frost
