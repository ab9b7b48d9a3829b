#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/simd.h"
#include "kernels/parallel_for.h"

namespace frost {

void CpuBackend::fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                                 const float* weight, const float* gamma, const float* beta,
                                 const float* mean, const float* var, float* folded, float* bias) {
  parallel_for(out_channels, taps, [&](std::int64_t o) {
    const double s = gamma[o] / std::sqrt(static_cast<double>(var[o]) + epsilon);
    for (std::int64_t t = 0; t < taps; ++t) {
      folded[o * taps + t] = static_cast<float>(weight[o * taps + t] * s);
    }
    bias[o] = static_cast<float>(beta[o] - mean[o] * s);
  });
}

void CpuBackend::unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps,
                                            float epsilon, const float* weight, const float* gamma,
                                            const float* mean, const float* var, const float* g,
                                            const float* db, GradOut dweight, GradOut dgamma) {
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

void CpuBackend::batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                    const float* x, const float* gamma, const float* beta,
                                    const float* mean, const float* var, float* y) {
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

void CpuBackend::batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                     const float* x, const float* gamma, const float* mean,
                                     const float* var, const float* dy, GradOut dx, GradOut dgamma,
                                     GradOut dbeta) {
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
  if (dbeta) column_sum(pixels, channels, dy, dbeta);
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

void CpuBackend::channel_sum(std::int64_t rows, std::int64_t channels, const float* w, float* out) {
  parallel_for(rows, channels, [&](std::int64_t r) {
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += w[r * channels + c];
    out[r] = static_cast<float>(sum);
  });
}

void CpuBackend::channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                                   GradOut dw) {
  parallel_for(rows, channels, [&](std::int64_t r) {
    for (std::int64_t c = 0; c < channels; ++c) {
      store(dout[r], dw.mode, dw.data[r * channels + c]);
    }
  });
}

}  // namespace frost
