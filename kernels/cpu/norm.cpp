#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/parallel_for.h"

namespace frost {

void CpuBackend::softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                                 const float* x, float* y) {
  parallel_for(rows, 16 * cols, [&](std::int64_t r) {
    const float* in = x + r * cols;
    float* out = y + r * cols;
    const float top = *std::max_element(in, in + cols);
    float sum = 0;
    for (std::int64_t c = 0; c < cols; ++c) {
      out[c] = std::exp((in[c] - top) * inverse_temperature);
      sum += out[c];
    }
    for (std::int64_t c = 0; c < cols; ++c) out[c] /= sum;
  });
}

void CpuBackend::softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                                  const float* y, const float* dy, GradOut dx) {
  parallel_for(rows, 4 * cols, [&](std::int64_t r) {
    const float *out = y + r * cols, *grad = dy + r * cols;
    float dot = 0;
    for (std::int64_t c = 0; c < cols; ++c) dot += out[c] * grad[c];
    for (std::int64_t c = 0; c < cols; ++c) {
      store(inverse_temperature * out[c] * (grad[c] - dot), dx.mode, dx.data[r * cols + c]);
    }
  });
}

void CpuBackend::layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon,
                                    const float* x, const float* gamma, const float* beta, float* y,
                                    float* mean, float* rstd) {
  parallel_for(rows, 8 * cols, [&](std::int64_t r) {
    const float* in = x + r * cols;
    double sum = 0, squares = 0;
    for (std::int64_t c = 0; c < cols; ++c) sum += in[c];
    const double mu = sum / static_cast<double>(cols);
    for (std::int64_t c = 0; c < cols; ++c) squares += (in[c] - mu) * (in[c] - mu);
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(cols) + epsilon);
    mean[r] = static_cast<float>(mu);
    rstd[r] = static_cast<float>(scale);
    for (std::int64_t c = 0; c < cols; ++c) {
      y[r * cols + c] = (in[c] - mean[r]) * rstd[r] * gamma[c] + beta[c];
    }
  });
}

void CpuBackend::layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x,
                                     const float* mean, const float* rstd, const float* gamma,
                                     const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) {
  const auto normalised = [&](std::int64_t r, std::int64_t c) {
    return (x[r * cols + c] - mean[r]) * rstd[r];
  };
  if (dx) {
    parallel_for(rows, 8 * cols, [&](std::int64_t r) {
      float sum = 0, projected = 0;
      for (std::int64_t c = 0; c < cols; ++c) {
        const float g = dy[r * cols + c] * gamma[c];
        sum += g;
        projected += g * normalised(r, c);
      }
      const float n = static_cast<float>(cols);
      for (std::int64_t c = 0; c < cols; ++c) {
        const float g = dy[r * cols + c] * gamma[c];
        store(rstd[r] * (g - sum / n - normalised(r, c) * projected / n), dx.mode,
              dx.data[r * cols + c]);
      }
    });
  }
  if (dbeta) column_sum(rows, cols, dy, dbeta);
  if (dgamma) {
    parallel_for(cols, 4 * rows, [&](std::int64_t c) {
      double sum = 0;
      for (std::int64_t r = 0; r < rows; ++r) sum += dy[r * cols + c] * normalised(r, c);
      store(static_cast<float>(sum), dgamma.mode, dgamma.data[c]);
    });
  }
}

}  // namespace frost
