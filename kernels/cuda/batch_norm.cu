#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost {

using cuda::kBlockSize;

void CudaBackend::fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                                  const float* weight, const float* gamma, const float* beta,
                                  const float* mean, const float* var, float* folded, float* bias) {
  cuda::for_each_block(stream_, out_channels, [=] __device__(std::int64_t o, int thread) {
    const double s = gamma[o] / sqrt(static_cast<double>(var[o]) + epsilon);
    for (std::int64_t t = thread; t < taps; t += kBlockSize) {
      folded[o * taps + t] = static_cast<float>(weight[o * taps + t] * s);
    }
    if (thread == 0) bias[o] = static_cast<float>(beta[o] - mean[o] * s);
  });
}

void CudaBackend::unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps,
                                             float epsilon, const float* weight, const float* gamma,
                                             const float* mean, const float* var, const float* g,
                                             const float* db, GradOut dweight, GradOut dgamma) {
  cuda::for_each_block(stream_, out_channels, [=] __device__(std::int64_t o, int thread) {
    const double inv_std = 1.0 / sqrt(static_cast<double>(var[o]) + epsilon);
    const float *filter = weight + o * taps, *gradient = g + o * taps;
    if (dgamma.mode != GradMode::kIgnore) {
      double dot = 0;
      for (std::int64_t t = thread; t < taps; t += kBlockSize) {
        dot += static_cast<double>(filter[t]) * gradient[t];
      }
      dot = cuda::block_sum(dot);
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

void CudaBackend::batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                     const float* x, const float* gamma, const float* beta,
                                     const float* mean, const float* var, float* y) {
  cuda::for_each(stream_, pixels * channels, [=] __device__(std::int64_t i) {
    const std::int64_t c = i % channels;
    const double s = gamma[c] / sqrt(static_cast<double>(var[c]) + epsilon);
    y[i] = x[i] * static_cast<float>(s) + static_cast<float>(beta[c] - mean[c] * s);
  });
}

void CudaBackend::batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                      const float* x, const float* gamma, const float* mean,
                                      const float* var, const float* dy, GradOut dx, GradOut dgamma,
                                      GradOut dbeta) {
  if (dgamma) {
    cuda::reduce_columns(
        *this, pixels, channels,
        [=] __device__(std::int64_t p, std::int64_t c) {
          const double inv_std = 1.0 / sqrt(static_cast<double>(var[c]) + epsilon);
          const std::int64_t i = p * channels + c;
          return (static_cast<double>(x[i]) - mean[c]) * inv_std * dy[i];
        },
        dgamma);
  }
  if (dbeta) column_sum(pixels, channels, dy, dbeta);
  if (!dx) return;
  cuda::for_each(stream_, pixels * channels, [=] __device__(std::int64_t i) {
    const std::int64_t c = i % channels;
    const double s = gamma[c] / sqrt(static_cast<double>(var[c]) + epsilon);
    store(dy[i] * static_cast<float>(s), dx.mode, dx.data[i]);
  });
}

void CudaBackend::channel_sum(std::int64_t rows, std::int64_t channels, const float* w,
                              float* out) {
  cuda::for_each(stream_, rows, [=] __device__(std::int64_t r) {
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += w[r * channels + c];
    out[r] = static_cast<float>(sum);
  });
}

void CudaBackend::channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                                    GradOut dw) {
  cuda::for_each(stream_, rows * channels, [=] __device__(std::int64_t i) {
    store(dout[i / channels], dw.mode, dw.data[i]);
  });
}

}  // namespace frost
