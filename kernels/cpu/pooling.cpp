#include <algorithm>
#include <limits>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// out = max(out, in), and `chosen` = tap where `in` won; branch-free, so that it vectorises.
/// A NaN replaces any number and no number replaces a NaN, so that none is hidden.
void take_maximum(std::int64_t n, const float* in, std::uint8_t tap, float* out,
                  std::uint8_t* chosen) {
  const auto wins = [&](std::int64_t i) { return in[i] > out[i] || in[i] != in[i]; };
  if (chosen == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = wins(i) ? in[i] : out[i];
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const bool win = wins(i);
    out[i] = win ? in[i] : out[i];
    chosen[i] = win ? tap : chosen[i];
  }
}

/// grad += dy where the window at `dy` chose `tap`.
void add_where_chosen(std::int64_t n, const float* dy, const std::uint8_t* chosen, std::uint8_t tap,
                      float* grad) {
  for (std::int64_t i = 0; i < n; ++i) grad[i] += chosen[i] == tap ? dy[i] : 0.0f;
}

class CpuPooling final : public PoolingKernels {
 public:
  void max_pool2d_forward(const Pool2dShape& s, const float* x, float* y,
                          std::uint8_t* index) override {
    const std::int64_t oh = s.oh(), ow = s.ow();
    parallel_for(s.n * oh, ow * s.c * s.kernel * s.kernel, [&](std::int64_t row) {
      const std::int64_t n = row / oh, oy = row % oh;
      for (std::int64_t ox = 0; ox < ow; ++ox) {
        float* out = y + (row * ow + ox) * s.c;
        std::uint8_t* chosen = index == nullptr ? nullptr : index + (row * ow + ox) * s.c;
        std::fill(out, out + s.c, -std::numeric_limits<float>::infinity());
        if (chosen != nullptr) std::fill(chosen, chosen + s.c, std::uint8_t{0});
        for (std::int64_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
          const std::int64_t iy = oy * s.stride - s.pad + tap / s.kernel;
          const std::int64_t ix = ox * s.stride - s.pad + tap % s.kernel;
          if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
          const float* in = x + ((n * s.h + iy) * s.w + ix) * s.c;
          take_maximum(s.c, in, static_cast<std::uint8_t>(tap), out, chosen);
        }
      }
    });
  }

  void max_pool2d_backward(const Pool2dShape& s, const float* dy, const std::uint8_t* index,
                           GradOut dx) override {
    const std::int64_t oh = s.oh(), ow = s.ow();
    // Gather form: every input pixel asks the windows that cover it, so no two threads write one.
    parallel_for(s.n * s.h, s.w * s.c * 8, [&](std::int64_t row) {
      const std::int64_t n = row / s.h, iy = row % s.h;
      for (std::int64_t ix = 0; ix < s.w; ++ix) {
        float* grad = dx.data + (row * s.w + ix) * s.c;
        if (dx.mode == GradMode::kOverwrite) std::fill(grad, grad + s.c, 0.0f);
        for (std::int64_t ky = (iy + s.pad) % s.stride; ky < s.kernel; ky += s.stride) {
          const std::int64_t oy = (iy + s.pad - ky) / s.stride;
          if (iy + s.pad < ky || oy >= oh) continue;
          for (std::int64_t kx = (ix + s.pad) % s.stride; kx < s.kernel; kx += s.stride) {
            const std::int64_t ox = (ix + s.pad - kx) / s.stride;
            if (ix + s.pad < kx || ox >= ow) continue;
            const std::int64_t out = ((n * oh + oy) * ow + ox) * s.c;
            add_where_chosen(s.c, dy + out, index + out,
                             static_cast<std::uint8_t>(ky * s.kernel + kx), grad);
          }
        }
      }
    });
  }

  void global_avg_pool_forward(std::int64_t n, std::int64_t pixels, std::int64_t c, const float* x,
                               float* y) override {
    const float scale = 1.0f / static_cast<float>(pixels);
    parallel_for(n, pixels * c, [&](std::int64_t i) {
      float* out = y + i * c;
      std::fill(out, out + c, 0.0f);
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t j = 0; j < c; ++j) out[j] += x[(i * pixels + p) * c + j];
      }
      for (std::int64_t j = 0; j < c; ++j) out[j] *= scale;
    });
  }

  void global_avg_pool_backward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                const float* dy, GradOut dx) override {
    const float scale = 1.0f / static_cast<float>(pixels);
    parallel_for(n * pixels, c, [&](std::int64_t i) {
      for (std::int64_t j = 0; j < c; ++j) {
        store(dy[i / pixels * c + j] * scale, dx.mode, dx.data[i * c + j]);
      }
    });
  }
};

}  // namespace

std::unique_ptr<PoolingKernels> make_pooling(CpuBackend&) {
  return std::make_unique<CpuPooling>();
}

}  // namespace frost
