#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

class CudaPooling final : public PoolingKernels {
 public:
  explicit CudaPooling(CudaBackend& backend) : stream_(backend.stream()) {}

  void max_pool2d_forward(const Pool2dShape& s, const float* x, float* y,
                          std::uint8_t* index) override {
    const std::int64_t oh = s.oh(), ow = s.ow();
    const std::int64_t outputs = s.n * oh * ow * s.c;
    const Traffic traffic = reads(s.n * s.h * s.w * s.c) + writes(outputs) +
                            writes<std::uint8_t>(index != nullptr ? outputs : 0);
    for_each(stream_, outputs, traffic, [=] __device__(std::int64_t i) {
      const std::int64_t c = i % s.c, ox = i / s.c % ow, oy = i / s.c / ow % oh;
      const float* image = x + i / s.c / ow / oh * s.h * s.w * s.c;
      float best = -INFINITY;
      std::uint8_t chosen = 0;
      for (std::int64_t tap = 0; tap < s.kernel * s.kernel; ++tap) {
        const std::int64_t iy = oy * s.stride - s.pad + tap / s.kernel;
        const std::int64_t ix = ox * s.stride - s.pad + tap % s.kernel;
        if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
        const float value = image[(iy * s.w + ix) * s.c + c];
        // A NaN replaces any number and no number replaces a NaN, so that none is hidden.
        if (value > best || isnan(value)) {
          best = value;
          chosen = static_cast<std::uint8_t>(tap);
        }
      }
      y[i] = best;
      if (index != nullptr) index[i] = chosen;
    });
  }

  void max_pool2d_backward(const Pool2dShape& s, const float* dy, const std::uint8_t* index,
                           GradOut dx) override {
    const std::int64_t oh = s.oh(), ow = s.ow();
    // Gather form: every input element asks the windows that cover it, so no two threads write one.
    const std::int64_t inputs = s.n * s.h * s.w * s.c, outputs = s.n * oh * ow * s.c;
    const Traffic traffic = reads(outputs) + reads<std::uint8_t>(outputs) + stores(inputs, dx);
    for_each(stream_, inputs, traffic, [=] __device__(std::int64_t i) {
      const std::int64_t c = i % s.c, ix = i / s.c % s.w, iy = i / s.c / s.w % s.h;
      const std::int64_t n = i / s.c / s.w / s.h;
      float sum = start_of(dx.mode, dx.data + i);
      for (std::int64_t ky = 0; ky < s.kernel; ++ky) {
        const std::int64_t ty = iy + s.pad - ky;
        if (ty < 0 || ty % s.stride != 0 || ty / s.stride >= oh) continue;
        for (std::int64_t kx = 0; kx < s.kernel; ++kx) {
          const std::int64_t tx = ix + s.pad - kx;
          if (tx < 0 || tx % s.stride != 0 || tx / s.stride >= ow) continue;
          const std::int64_t out = ((n * oh + ty / s.stride) * ow + tx / s.stride) * s.c + c;
          if (index[out] == ky * s.kernel + kx) sum += dy[out];
        }
      }
      dx.data[i] = sum;
    });
  }

  void global_avg_pool_forward(std::int64_t n, std::int64_t pixels, std::int64_t c, const float* x,
                               float* y) override {
    const float scale = 1.0f / static_cast<float>(pixels);
    for_each(stream_, n * c, reads(n * pixels * c) + writes(n * c), [=] __device__(std::int64_t i) {
      const float* image = x + i / c * pixels * c + i % c;
      float sum = 0;
      for (std::int64_t p = 0; p < pixels; ++p) sum += image[p * c];
      y[i] = sum * scale;
    });
  }

  void global_avg_pool_backward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                const float* dy, GradOut dx) override {
    const float scale = 1.0f / static_cast<float>(pixels);
    const std::int64_t inputs = n * pixels * c;
    for_each(stream_, inputs, reads(n * c) + stores(inputs, dx), [=] __device__(std::int64_t i) {
      store(dy[i / (pixels * c) * c + i % c] * scale, dx.mode, dx.data[i]);
    });
  }

 private:
  Stream& stream_;
};

}  // namespace

std::unique_ptr<PoolingKernels> make_pooling(CudaBackend& backend) {
  return std::make_unique<CudaPooling>(backend);
}

}  // namespace frost::cuda
