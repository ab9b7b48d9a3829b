#include "kernels/cuda/conv/conv_kernels.h"

#include "kernels/bfloat16.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {

void unroll_images(Stream& stream, const Conv2dShape& s, const float* x, float* columns) {
  const std::int64_t oh = s.oh(), ow = s.ow(), taps = s.kh * s.kw * s.c;
  const std::int64_t unrolled = s.n * oh * ow * taps;
  for_each(stream, unrolled, reads(s.n * s.h * s.w * s.c) + writes(unrolled),
           [=] __device__(std::int64_t i) {
             const std::int64_t c = i % s.c, kx = i / s.c % s.kw, ky = i / s.c / s.kw % s.kh;
             const std::int64_t pixel = i / taps, ox = pixel % ow, oy = pixel / ow % oh;
             const std::int64_t iy = oy * s.stride - s.pad + ky, ix = ox * s.stride - s.pad + kx;
             const bool inside = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
             columns[i] = inside ? x[((pixel / ow / oh * s.h + iy) * s.w + ix) * s.c + c] : 0.0f;
           });
}

void roll_images(Stream& stream, const Conv2dShape& s, const float* columns, float* dx) {
  const std::int64_t oh = s.oh(), ow = s.ow();
  const std::int64_t inputs = s.n * s.h * s.w * s.c;
  const Traffic traffic = reads(s.n * oh * ow * s.kh * s.kw * s.c) + writes(inputs);
  for_each(stream, inputs, traffic, [=] __device__(std::int64_t i) {
    const std::int64_t c = i % s.c, ix = i / s.c % s.w, iy = i / s.c / s.w % s.h;
    const std::int64_t n = i / s.c / s.w / s.h;
    float sum = 0;
    for (std::int64_t ky = 0; ky < s.kh; ++ky) {
      const std::int64_t ty = iy + s.pad - ky;
      if (ty < 0 || ty % s.stride != 0 || ty / s.stride >= oh) continue;
      for (std::int64_t kx = 0; kx < s.kw; ++kx) {
        const std::int64_t tx = ix + s.pad - kx;
        if (tx < 0 || tx % s.stride != 0 || tx / s.stride >= ow) continue;
        const std::int64_t pixel = (n * oh + ty / s.stride) * ow + tx / s.stride;
        sum += columns[((pixel * s.kh + ky) * s.kw + kx) * s.c + c];
      }
    }
    dx[i] = sum;
  });
}

__device__ inline float widened(float x) {
  return x;
}
__device__ inline float widened(std::uint16_t bits) {
  return bfloat16_to_float(bits);
}

template <class T>
void conv_epilogue(Stream& stream, std::int64_t pixels, std::int64_t k, const T* sums,
                   const float* bias, const float* residual, bool relu, float* y) {
  const std::int64_t n = pixels * k;
  const Traffic traffic = reads<T>(n) + reads((bias != nullptr ? k : 0)) +
                          reads(residual != nullptr ? n : 0) + writes(n);
  for_each(stream, n, traffic, [=] __device__(std::int64_t i) {
    float value = widened(sums[i]);
    if (bias != nullptr) value += bias[i % k];
    if (residual != nullptr) value += residual[i];
    y[i] = relu && value < 0.0f ? 0.0f : value;  // keeps a NaN
  });
}

template void conv_epilogue(Stream&, std::int64_t, std::int64_t, const float*, const float*,
                            const float*, bool, float*);
template void conv_epilogue(Stream&, std::int64_t, std::int64_t, const std::uint16_t*, const float*,
                            const float*, bool, float*);

}  // namespace frost::cuda
