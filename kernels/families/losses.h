#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// Losses of supervised learning: one number, the mean over a batch that is not empty.
class LossKernels {
 public:
  virtual ~LossKernels() = default;

  /// loss[0] = mean of -log softmax(logits[r])[labels[r]] over rows: logits [rows, classes], labels
  /// [rows] in [0, classes).
  virtual void cross_entropy_forward(std::int64_t rows, std::int64_t classes, const float* logits,
                                     const std::int32_t* labels, float* loss) = 0;
  /// dloss [1].
  virtual void cross_entropy_backward(std::int64_t rows, std::int64_t classes, const float* logits,
                                      const std::int32_t* labels, const float* dloss,
                                      GradOut dlogits) = 0;
  /// loss[0] = mean of (x - target)^2 over n elements.
  virtual void mse_forward(std::int64_t n, const float* x, const float* target, float* loss) = 0;
  /// dloss [1]; the gradient by x.
  virtual void mse_backward(std::int64_t n, const float* x, const float* target, const float* dloss,
                            GradOut dx) = 0;
};

}  // namespace frost
