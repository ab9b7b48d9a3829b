#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/simd.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

class CpuNormalization final : public NormalizationKernels {
 public:
  explicit CpuNormalization(CpuBackend& backend) : backend_(backend) {}

  void softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                       const float* x, float* y) override {
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

  void softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                        const float* y, const float* dy, GradOut dx) override {
    parallel_for(rows, 4 * cols, [&](std::int64_t r) {
      const float *out = y + r * cols, *grad = dy + r * cols;
      float dot = 0;
      for (std::int64_t c = 0; c < cols; ++c) dot += out[c] * grad[c];
      for (std::int64_t c = 0; c < cols; ++c) {
        store(inverse_temperature * out[c] * (grad[c] - dot), dx.mode, dx.data[r * cols + c]);
      }
    });
  }

  void layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon, const float* x,
                          const float* gamma, const float* beta, float* y, float* mean,
                          float* rstd) override {
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

  void layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x, const float* mean,
                           const float* rstd, const float* gamma, const float* dy, GradOut dx,
                           GradOut dgamma, GradOut dbeta) override {
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
    if (dbeta) backend_.rows().column_sum(rows, cols, dy, dbeta);
    if (dgamma) {
      parallel_for(cols, 4 * rows, [&](std::int64_t c) {
        double sum = 0;
        for (std::int64_t r = 0; r < rows; ++r) sum += dy[r * cols + c] * normalised(r, c);
        store(static_cast<float>(sum), dgamma.mode, dgamma.data[c]);
      });
    }
  }

  void batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon, const float* x,
                          const float* gamma, const float* beta, const float* mean,
                          const float* var, float* y) override {
    std::vector<float> scale(static_cast<std::size_t>(channels)), shift(scale.size());
    for (std::size_t c = 0; c < scale.size(); ++c) {
      const double s = gamma[c] / std::sqrt(static_cast<double>(var[c]) + epsilon);
      scale[c] = static_cast<float>(s);
      shift[c] = static_cast<float>(beta[c] - mean[c] * s);
    }
    parallel_for(pixels, 2 * channels, [&](std::int64_t p) {
      const float* in = x + p * channels;
      float* out = y + p * channels;
      for (std::size_t c = 0; c < scale.size(); ++c) out[c] = in[c] * scale[c] + shift[c];
    });
  }

  void batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                           const float* x, const float* gamma, const float* mean, const float* var,
                           const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) override {
    const auto inv_std = [&](std::int64_t c) {
      return 1.0 / std::sqrt(static_cast<double>(var[c]) + epsilon);
    };
    if (dgamma) {
      parallel_for(channels, 4 * pixels, [&](std::int64_t c) {
        double sum = 0;
        for (std::int64_t p = 0; p < pixels; ++p) {
          const double centred = static_cast<double>(x[p * channels + c]) - mean[c];
          sum += centred * dy[p * channels + c];
        }
        store(static_cast<float>(sum * inv_std(c)), dgamma.mode, dgamma.data[c]);
      });
    }
    if (dbeta) backend_.rows().column_sum(pixels, channels, dy, dbeta);
    if (!dx) return;
    std::vector<float> scale(static_cast<std::size_t>(channels));
    for (std::size_t c = 0; c < scale.size(); ++c) {
      scale[c] = static_cast<float>(gamma[c] * inv_std(static_cast<std::int64_t>(c)));
    }
    parallel_for(pixels, 2 * channels, [&](std::int64_t p) {
      for (std::size_t c = 0; c < scale.size(); ++c) {
        const std::size_t i = static_cast<std::size_t>(p * channels) + c;
        store(dy[i] * scale[c], dx.mode, dx.data[i]);
      }
    });
  }

  void fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                       const float* weight, const float* gamma, const float* beta,
                       const float* mean, const float* var, float* folded, float* bias) override {
    parallel_for(out_channels, taps, [&](std::int64_t o) {
      const double s = gamma[o] / std::sqrt(static_cast<double>(var[o]) + epsilon);
      for (std::int64_t t = 0; t < taps; ++t) {
        folded[o * taps + t] = static_cast<float>(weight[o * taps + t] * s);
      }
      bias[o] = static_cast<float>(beta[o] - mean[o] * s);
    });
  }

  void unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps, float epsilon,
                                  const float* weight, const float* gamma, const float* mean,
                                  const float* var, const float* g, const float* db,
                                  GradOut dweight, GradOut dgamma) override {
    parallel_for(out_channels, 2 * taps, [&](std::int64_t o) {
      const double inv_std = 1.0 / std::sqrt(static_cast<double>(var[o]) + epsilon);
      const float* gradient = g + o * taps;
      if (dgamma) {
        const double product = dot(taps, weight + o * taps, gradient);
        store(static_cast<float>((product - static_cast<double>(mean[o]) * db[o]) * inv_std),
              dgamma.mode, dgamma.data[o]);
      }
      if (dweight) {
        const auto s = static_cast<float>(gamma[o] * inv_std);
        for (std::int64_t t = 0; t < taps; ++t) {
          store(s * gradient[t], dweight.mode, dweight.data[o * taps + t]);
        }
      }
    });
  }

 private:
  CpuBackend& backend_;
};

}  // namespace

std::unique_ptr<NormalizationKernels> make_normalization(CpuBackend& backend) {
  return std::make_unique<CpuNormalization>(backend);
}

}  // namespace frost
