#include "kernels/cpu/unrolled_conv.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"

namespace frost {
namespace {

std::int64_t inputs(const Conv2dShape& s) {
  return s.h * s.w * s.c;
}
std::int64_t outputs(const Conv2dShape& s) {
  return s.oh() * s.ow() * s.k;
}
std::size_t matrix_bytes(const Conv2dShape& s) {
  return static_cast<std::size_t>(inputs(s) * outputs(s)) * sizeof(float);
}

/// Calls fn(output pixel, ky, kx, input pixel) for every tap that meets data.
template <class Fn>
void for_each_live_tap(const Conv2dShape& s, const Fn& fn) {
  for (std::int64_t out = 0; out < s.oh() * s.ow(); ++out) {
    for (std::int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
      const std::int64_t ky = tap / s.kw, kx = tap % s.kw;
      const std::int64_t iy = out / s.ow() * s.stride - s.pad + ky;
      const std::int64_t ix = out % s.ow() * s.stride - s.pad + kx;
      if (iy >= 0 && iy < s.h && ix >= 0 && ix < s.w) fn(out, ky, kx, iy * s.w + ix);
    }
  }
}

}  // namespace

void UnrolledConvolutions::unroll(const Conv2dShape& s, const float* weight, float* matrix) {
  const std::int64_t row = inputs(s);
  parallel_for(s.k, row * s.oh() * s.ow(), [&](std::int64_t o) {
    for (std::int64_t out = 0; out < s.oh() * s.ow(); ++out) {
      std::fill_n(matrix + (out * s.k + o) * row, row, 0.0f);
    }
    for_each_live_tap(s, [&](std::int64_t out, std::int64_t ky, std::int64_t kx, std::int64_t in) {
      std::copy_n(weight + ((o * s.kh + ky) * s.kw + kx) * s.c, s.c,
                  matrix + (out * s.k + o) * row + in * s.c);
    });
  });
}

const float* UnrolledConvolutions::matrix(const Conv2dShape& s, WeightView weight) {
  if (weight.id == 0) {
    scratch_ = TrackedBuffer(backend_, MemoryTag::kWorkspace, matrix_bytes(s));
    unroll(s, weight.data, scratch_.floats());
    return scratch_.floats();
  }
  auto& entries = matrices_[weight.id];
  auto entry = std::find_if(entries.begin(), entries.end(),
                            [&](const Matrix& m) { return m.h == s.h && m.w == s.w; });
  if (entry == entries.end()) {
    TrackedBuffer buffer(backend_, MemoryTag::kPacked, matrix_bytes(s));
    entry = entries.insert(entry, {s.h, s.w, weight.version + 1, std::move(buffer)});
  }
  if (entry->version != weight.version) {
    unroll(s, weight.data, entry->buffer.floats());
    entry->version = weight.version;
  }
  return entry->buffer.floats();
}

void UnrolledConvolutions::forward(const Conv2dShape& s, const float* x, WeightView weight,
                                   const float* bias, const float* residual, bool relu, float* y) {
  const std::int64_t in = inputs(s), out = outputs(s);
  backend_.gemm(false, true, s.n, out, in, x, in, matrix(s, weight), in, {y, GradMode::kOverwrite},
                out);
  parallel_for(s.n * s.oh() * s.ow(), 3 * s.k, [&](std::int64_t pixel) {
    float* row = y + pixel * s.k;
    for (std::int64_t o = 0; o < s.k; ++o) {
      float value = row[o] + (bias == nullptr ? 0.0f : bias[o]);
      if (residual != nullptr) value += residual[pixel * s.k + o];
      row[o] = relu && value < 0.0f ? 0.0f : value;
    }
  });
}

void UnrolledConvolutions::backward_data(const Conv2dShape& s, const float* dy, WeightView weight,
                                         GradOut dx) {
  const std::int64_t in = inputs(s), out = outputs(s);
  backend_.gemm(false, false, s.n, in, out, dy, out, matrix(s, weight), in, dx, in);
}

void UnrolledConvolutions::backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                                           GradOut dweight) {
  const std::int64_t in = inputs(s), out = outputs(s);
  const TrackedBuffer gradient(backend_, MemoryTag::kWorkspace, matrix_bytes(s));
  backend_.gemm(true, false, out, in, s.n, dy, out, x, in,
                {gradient.floats(), GradMode::kOverwrite}, in);
  parallel_for(s.k, in * s.oh() * s.ow(), [&](std::int64_t o) {
    float* filter = dweight.data + o * s.kh * s.kw * s.c;
    if (dweight.mode == GradMode::kOverwrite) std::fill_n(filter, s.kh * s.kw * s.c, 0.0f);
    for_each_live_tap(
        s, [&](std::int64_t pixel, std::int64_t ky, std::int64_t kx, std::int64_t input) {
          const float* from = gradient.floats() + (pixel * s.k + o) * in + input * s.c;
          float* to = filter + (ky * s.kw + kx) * s.c;
          for (std::int64_t c = 0; c < s.c; ++c) to[c] += from[c];
        });
  });
}

}  // namespace frost
