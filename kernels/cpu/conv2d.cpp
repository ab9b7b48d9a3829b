#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/unrolled_conv.h"
#include "kernels/cpu/winograd_conv.h"
#include "kernels/tracked_buffer.h"

namespace frost {
namespace {

/// Data gradient of a one-channel input: taps = dy W as a matrix product, then every input pixel
/// sums the taps that reach it. oneDNN has only slow kernels for this case.
void single_channel_backward_data(Backend& backend, const Conv2dShape& s, const float* dy,
                                  const float* weight, GradOut dx) {
  const std::int64_t taps = s.kh * s.kw, oh = s.oh(), ow = s.ow();
  const TrackedBuffer columns(backend, MemoryTag::kWorkspace,
                              static_cast<std::size_t>(s.n * oh * ow * taps) * sizeof(float));
  backend.gemm(false, false, s.n * oh * ow, taps, s.k, dy, s.k, weight, taps,
               {columns.floats(), GradMode::kOverwrite}, taps);
  parallel_for(s.n * s.h, s.w * taps, [&](std::int64_t row) {
    const std::int64_t n = row / s.h, iy = row % s.h;
    for (std::int64_t ix = 0; ix < s.w; ++ix) {
      float sum = 0;
      for (std::int64_t ky = (iy + s.pad) % s.stride; ky < s.kh; ky += s.stride) {
        const std::int64_t oy = (iy + s.pad - ky) / s.stride;
        if (iy + s.pad < ky || oy >= oh) continue;
        for (std::int64_t kx = (ix + s.pad) % s.stride; kx < s.kw; kx += s.stride) {
          const std::int64_t ox = (ix + s.pad - kx) / s.stride;
          if (ix + s.pad < kx || ox >= ow) continue;
          sum += columns.floats()[((n * oh + oy) * ow + ox) * taps + ky * s.kw + kx];
        }
      }
      store(sum, dx.mode, dx.data[row * s.w + ix]);
    }
  });
}

}  // namespace

void CpuBackend::conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                                const float* bias, const float* residual, bool relu, float* y) {
  if (WinogradConvolutions::fits(shape)) {
    winograd_->forward(shape, x, weight, bias, residual, relu, y);
  } else if (options_.skip_dead_taps && UnrolledConvolutions::pays(shape)) {
    unrolled_->forward(shape, x, weight, bias, residual, relu, y);
  } else {
    direct_->forward(shape, x, weight, bias, residual, relu, y);
  }
}

void CpuBackend::conv2d_backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                                      GradOut dx) {
  if (WinogradConvolutions::fits(shape)) return winograd_->backward_data(shape, dy, weight, dx);
  if (options_.skip_dead_taps && UnrolledConvolutions::pays(shape)) return unrolled_->backward_data(shape, dy, weight, dx);
  if (shape.c == 1) return single_channel_backward_data(*this, shape, dy, weight.data, dx);
  if (dx.mode == GradMode::kOverwrite) return direct_->backward_data(shape, dy, weight, dx.data);
  const std::int64_t n = shape.n * shape.h * shape.w * shape.c;
  const TrackedBuffer term(*this, MemoryTag::kWorkspace,
                           static_cast<std::size_t>(n) * sizeof(float));
  direct_->backward_data(shape, dy, weight, term.floats());
  axpy(n, 1.0f, term.floats(), dx);
}

void CpuBackend::conv2d_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                                        GradOut dweight) {
  if (WinogradConvolutions::fits(shape)) {
    winograd_->backward_weight(shape, x, dy, dweight);
  } else if (options_.skip_dead_taps && UnrolledConvolutions::pays(shape)) {
    unrolled_->backward_weight(shape, x, dy, dweight);
  } else {
    direct_->backward_weight(shape, x, dy, dweight);
  }
}

void CpuBackend::forget_weight(std::uint64_t id) {
  direct_->forget(id);
  unrolled_->forget(id);
  winograd_->forget(id);
}

}  // namespace frost
