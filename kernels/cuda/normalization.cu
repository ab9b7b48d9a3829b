#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

class CudaNormalization final : public NormalizationKernels {
 public:
  explicit CudaNormalization(CudaBackend& backend) : backend_(backend), stream_(backend.stream()) {}

  void softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                       const float* x, float* y) override {
    const std::int64_t n = rows * cols;
    for_each_warp(stream_, rows, reads(n) + writes(n), [=] __device__(std::int64_t r, int lane) {
      const float* in = x + r * cols;
      float* out = y + r * cols;
      float top = -INFINITY;
      for (std::int64_t c = lane; c < cols; c += kWarpSize) top = fmaxf(top, in[c]);
      top = warp_max(top);
      float sum = 0;
      for (std::int64_t c = lane; c < cols; c += kWarpSize) {
        out[c] = expf((in[c] - top) * inverse_temperature);
        sum += out[c];
      }
      sum = warp_sum(sum);
      for (std::int64_t c = lane; c < cols; c += kWarpSize) out[c] /= sum;
    });
  }

  void softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                        const float* y, const float* dy, GradOut dx) override {
    const std::int64_t n = rows * cols;
    for_each_warp(
        stream_, rows, reads(2 * n) + stores(n, dx), [=] __device__(std::int64_t r, int lane) {
          const float *out = y + r * cols, *grad = dy + r * cols;
          float dot = 0;
          for (std::int64_t c = lane; c < cols; c += kWarpSize) dot += out[c] * grad[c];
          dot = warp_sum(dot);
          for (std::int64_t c = lane; c < cols; c += kWarpSize) {
            store(inverse_temperature * out[c] * (grad[c] - dot), dx.mode, dx.data[r * cols + c]);
          }
        });
  }

  void layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon, const float* x,
                          const float* gamma, const float* beta, float* y, float* mean,
                          float* rstd) override {
    const Traffic traffic = reads(rows * cols + 2 * cols) + writes(rows * cols + 2 * rows);
    for_each_warp(stream_, rows, traffic, [=] __device__(std::int64_t r, int lane) {
      const float* in = x + r * cols;
      double sum = 0, squares = 0;
      for (std::int64_t c = lane; c < cols; c += kWarpSize) sum += in[c];
      const double mu = warp_sum(sum) / static_cast<double>(cols);
      for (std::int64_t c = lane; c < cols; c += kWarpSize) squares += (in[c] - mu) * (in[c] - mu);
      const double variance = warp_sum(squares) / static_cast<double>(cols);
      const auto row_mean = static_cast<float>(mu);
      const auto row_rstd = static_cast<float>(1.0 / sqrt(variance + epsilon));
      if (lane == 0) {
        mean[r] = row_mean;
        rstd[r] = row_rstd;
      }
      for (std::int64_t c = lane; c < cols; c += kWarpSize) {
        y[r * cols + c] = (in[c] - row_mean) * row_rstd * gamma[c] + beta[c];
      }
    });
  }

  void layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x, const float* mean,
                           const float* rstd, const float* gamma, const float* dy, GradOut dx,
                           GradOut dgamma, GradOut dbeta) override {
    const Traffic inputs = reads(2 * rows * cols + 2 * rows);  // x, dy, mean, rstd
    if (dx) {
      const Traffic traffic = inputs + reads(cols) + stores(rows * cols, dx);
      for_each_warp(stream_, rows, traffic, [=] __device__(std::int64_t r, int lane) {
        const float *in = x + r * cols, *grad = dy + r * cols;
        const float row_mean = mean[r], row_rstd = rstd[r], n = static_cast<float>(cols);
        float sum = 0, projected = 0;
        for (std::int64_t c = lane; c < cols; c += kWarpSize) {
          const float g = grad[c] * gamma[c];
          sum += g;
          projected += g * ((in[c] - row_mean) * row_rstd);
        }
        sum = warp_sum(sum);
        projected = warp_sum(projected);
        for (std::int64_t c = lane; c < cols; c += kWarpSize) {
          const float g = grad[c] * gamma[c], normalised = (in[c] - row_mean) * row_rstd;
          store(row_rstd * (g - sum / n - normalised * projected / n), dx.mode,
                dx.data[r * cols + c]);
        }
      });
    }
    if (dbeta) backend_.rows().column_sum(rows, cols, dy, dbeta);
    if (dgamma) {
      reduce_columns(
          backend_, rows, cols, inputs,
          [=] __device__(std::int64_t r, std::int64_t c) {
            const float normalised = (x[r * cols + c] - mean[r]) * rstd[r];
            return static_cast<double>(dy[r * cols + c] * normalised);
          },
          dgamma);
    }
  }

  void batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon, const float* x,
                          const float* gamma, const float* beta, const float* mean,
                          const float* var, float* y) override {
    const std::int64_t n = pixels * channels;
    for_each(stream_, n, reads(n + 4 * channels) + writes(n), [=] __device__(std::int64_t i) {
      const std::int64_t c = i % channels;
      const double s = gamma[c] / sqrt(static_cast<double>(var[c]) + epsilon);
      y[i] = x[i] * static_cast<float>(s) + static_cast<float>(beta[c] - mean[c] * s);
    });
  }

  void batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                           const float* x, const float* gamma, const float* mean, const float* var,
                           const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) override {
    if (dgamma) {
      reduce_columns(
          backend_, pixels, channels, reads(2 * pixels * channels + 2 * channels),
          [=] __device__(std::int64_t p, std::int64_t c) {
            const double inv_std = 1.0 / sqrt(static_cast<double>(var[c]) + epsilon);
            const std::int64_t i = p * channels + c;
            return (static_cast<double>(x[i]) - mean[c]) * inv_std * dy[i];
          },
          dgamma);
    }
    if (dbeta) backend_.rows().column_sum(pixels, channels, dy, dbeta);
    if (!dx) return;
    const std::int64_t n = pixels * channels;
    for_each(stream_, n, reads(n + 2 * channels) + stores(n, dx), [=] __device__(std::int64_t i) {
      const std::int64_t c = i % channels;
      const double s = gamma[c] / sqrt(static_cast<double>(var[c]) + epsilon);
      store(dy[i] * static_cast<float>(s), dx.mode, dx.data[i]);
    });
  }

  void fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                       const float* weight, const float* gamma, const float* beta,
                       const float* mean, const float* var, float* folded, float* bias) override {
    const std::int64_t weights = out_channels * taps;
    const Traffic traffic = reads(weights + 4 * out_channels) + writes(weights + out_channels);
    for_each_block(stream_, out_channels, traffic, [=] __device__(std::int64_t o, int thread) {
      const double s = gamma[o] / sqrt(static_cast<double>(var[o]) + epsilon);
      for (std::int64_t t = thread; t < taps; t += kBlockSize) {
        folded[o * taps + t] = static_cast<float>(weight[o * taps + t] * s);
      }
      if (thread == 0) bias[o] = static_cast<float>(beta[o] - mean[o] * s);
    });
  }

  void unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps, float epsilon,
                                  const float* weight, const float* gamma, const float* mean,
                                  const float* var, const float* g, const float* db,
                                  GradOut dweight, GradOut dgamma) override {
    const std::int64_t weights = out_channels * taps;
    Traffic traffic = reads(weights + out_channels);  // the gradient, the variances
    if (dgamma) {
      traffic = traffic + reads(weights + 2 * out_channels) + stores(out_channels, dgamma);
    }
    if (dweight) traffic = traffic + reads(out_channels) + stores(weights, dweight);
    for_each_block(stream_, out_channels, traffic, [=] __device__(std::int64_t o, int thread) {
      const double inv_std = 1.0 / sqrt(static_cast<double>(var[o]) + epsilon);
      const float *filter = weight + o * taps, *gradient = g + o * taps;
      if (dgamma.mode != GradMode::kIgnore) {
        double dot = 0;
        for (std::int64_t t = thread; t < taps; t += kBlockSize) {
          dot += static_cast<double>(filter[t]) * gradient[t];
        }
        dot = block_sum(dot);
        if (thread == 0) {
          const double bias_part = static_cast<double>(mean[o]) * db[o];
          store(static_cast<float>((dot - bias_part) * inv_std), dgamma.mode, dgamma.data[o]);
        }
      }
      if (dweight.mode != GradMode::kIgnore) {
        const auto s = static_cast<float>(gamma[o] * inv_std);
        for (std::int64_t t = thread; t < taps; t += kBlockSize) {
          store(s * gradient[t], dweight.mode, dweight.data[o * taps + t]);
        }
      }
    });
  }

 private:
  CudaBackend& backend_;
  Stream& stream_;
};

}  // namespace

std::unique_ptr<NormalizationKernels> make_normalization(CudaBackend& backend) {
  return std::make_unique<CudaNormalization>(backend);
}

}  // namespace frost::cuda
