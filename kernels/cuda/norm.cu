#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/runtime/launch.cuh"

// One warp per row; lanes take every 32nd column.
namespace frost {

using cuda::for_each_warp;
using cuda::kWarpSize;

void CudaBackend::softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                                  const float* x, float* y) {
  for_each_warp(stream_, rows, [=] __device__(std::int64_t r, int lane) {
    const float* in = x + r * cols;
    float* out = y + r * cols;
    float top = -INFINITY;
    for (std::int64_t c = lane; c < cols; c += kWarpSize) top = fmaxf(top, in[c]);
    top = cuda::warp_max(top);
    float sum = 0;
    for (std::int64_t c = lane; c < cols; c += kWarpSize) {
      out[c] = expf((in[c] - top) * inverse_temperature);
      sum += out[c];
    }
    sum = cuda::warp_sum(sum);
    for (std::int64_t c = lane; c < cols; c += kWarpSize) out[c] /= sum;
  });
}

void CudaBackend::softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                                   const float* y, const float* dy, GradOut dx) {
  for_each_warp(stream_, rows, [=] __device__(std::int64_t r, int lane) {
    const float *out = y + r * cols, *grad = dy + r * cols;
    float dot = 0;
    for (std::int64_t c = lane; c < cols; c += kWarpSize) dot += out[c] * grad[c];
    dot = cuda::warp_sum(dot);
    for (std::int64_t c = lane; c < cols; c += kWarpSize) {
      store(inverse_temperature * out[c] * (grad[c] - dot), dx.mode, dx.data[r * cols + c]);
    }
  });
}

void CudaBackend::layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon,
                                     const float* x, const float* gamma, const float* beta,
                                     float* y, float* mean, float* rstd) {
  for_each_warp(stream_, rows, [=] __device__(std::int64_t r, int lane) {
    const float* in = x + r * cols;
    double sum = 0, squares = 0;
    for (std::int64_t c = lane; c < cols; c += kWarpSize) sum += in[c];
    const double mu = cuda::warp_sum(sum) / static_cast<double>(cols);
    for (std::int64_t c = lane; c < cols; c += kWarpSize) squares += (in[c] - mu) * (in[c] - mu);
    const double variance = cuda::warp_sum(squares) / static_cast<double>(cols);
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

void CudaBackend::layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x,
                                      const float* mean, const float* rstd, const float* gamma,
                                      const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) {
  if (dx) {
    for_each_warp(stream_, rows, [=] __device__(std::int64_t r, int lane) {
      const float *in = x + r * cols, *grad = dy + r * cols;
      const float row_mean = mean[r], row_rstd = rstd[r], n = static_cast<float>(cols);
      float sum = 0, projected = 0;
      for (std::int64_t c = lane; c < cols; c += kWarpSize) {
        const float g = grad[c] * gamma[c];
        sum += g;
        projected += g * ((in[c] - row_mean) * row_rstd);
      }
      sum = cuda::warp_sum(sum);
      projected = cuda::warp_sum(projected);
      for (std::int64_t c = lane; c < cols; c += kWarpSize) {
        const float g = grad[c] * gamma[c], normalised = (in[c] - row_mean) * row_rstd;
        store(row_rstd * (g - sum / n - normalised * projected / n), dx.mode,
              dx.data[r * cols + c]);
      }
    });
  }
  if (dbeta) column_sum(rows, cols, dy, dbeta);
  if (dgamma) {
    cuda::reduce_columns(
        *this, rows, cols,
        [=] __device__(std::int64_t r, std::int64_t c) {
          const float normalised = (x[r * cols + c] - mean[r]) * rstd[r];
          return static_cast<double>(dy[r * cols + c] * normalised);
        },
        dgamma);
  }
}

}  // namespace frost
