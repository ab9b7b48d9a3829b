#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// Softmax, LayerNorm and BatchNorm with fixed statistics, also folded into a weight.
class NormalizationKernels {
 public:
  virtual ~NormalizationKernels() = default;

  /// y = softmax(inverse_temperature * x) over each row of x [rows, cols].
  virtual void softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                               const float* x, float* y) = 0;
  virtual void softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                                const float* y, const float* dy, GradOut dx) = 0;
  /// LayerNorm over each row of x [rows, cols]; gamma, beta [cols]; writes mean and rstd [rows].
  virtual void layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon,
                                  const float* x, const float* gamma, const float* beta, float* y,
                                  float* mean, float* rstd) = 0;
  virtual void layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x,
                                   const float* mean, const float* rstd, const float* gamma,
                                   const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) = 0;
  /// The unfolded form, y = gamma (x - mean) / sqrt(var + eps) + beta: x [pixels, channels].
  virtual void batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                  const float* x, const float* gamma, const float* beta,
                                  const float* mean, const float* var, float* y) = 0;
  /// x may be null where dgamma is ignored.
  virtual void batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                   const float* x, const float* gamma, const float* mean,
                                   const float* var, const float* dy, GradOut dx, GradOut dgamma,
                                   GradOut dbeta) = 0;
  /// Inference-form BatchNorm into the convolution before it, in double, rounded once:
  /// s = gamma / sqrt(var + eps), folded[o,:] = weight[o,:] * s, bias[o] = beta - mean * s.
  virtual void fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                               const float* weight, const float* gamma, const float* beta,
                               const float* mean, const float* var, float* folded, float* bias) = 0;
  /// From G = d loss / d folded weight and db = d loss / d bias:
  /// dweight = s G, dgamma = (<weight, G> - mean db) / sqrt(var + eps).
  virtual void unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps,
                                          float epsilon, const float* weight, const float* gamma,
                                          const float* mean, const float* var, const float* g,
                                          const float* db, GradOut dweight, GradOut dgamma) = 0;
};

}  // namespace frost
