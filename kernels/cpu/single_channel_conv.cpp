#include "kernels/cpu/single_channel_conv.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"
#include "kernels/tracked_buffer.h"

namespace frost {
namespace {

/// Sizes that forward pass and weight gradient share.
struct Stem {
  const Conv2dShape& s;
  std::int64_t padded_width = s.w + 2 * s.pad;
  std::int64_t padded_floats = (s.h + 2 * s.pad) * padded_width;
  std::int64_t weight_floats = s.kh * s.kw * s.k;
  std::int64_t workers = std::min(thread_budget(), s.n);

  /// Calls fn(worker, first image, end) with contiguous shares of the batch.
  template <class Fn>
  void run(const Fn& fn) const {
    const std::int64_t cost = 2 * s.n * s.oh() * s.ow() * weight_floats / workers;
    parallel_for(workers, cost, [&](std::int64_t worker) {
      fn(worker, worker * s.n / workers, (worker + 1) * s.n / workers);
    });
  }

  void pad(const float* image, float* padded) const {
    std::fill_n(padded, padded_floats, 0.0f);
    for (std::int64_t y = 0; y < s.h; ++y) {
      std::copy_n(image + y * s.w, s.w, padded + (y + s.pad) * padded_width + s.pad);
    }
  }
};

TrackedBuffer floats(Backend& backend, std::int64_t count) {
  return {backend, MemoryTag::kWorkspace, static_cast<std::size_t>(count) * sizeof(float)};
}

/// y = y + bias + residual, then ReLU, for `pixels` rows of k; the pointers are nullable.
void finish(std::int64_t pixels, std::int64_t k, const float* bias, const float* residual,
            bool relu, float* y) {
  for (std::int64_t p = 0; p < pixels; ++p, y += k) {
    for (std::int64_t o = 0; o < k; o += kLanes) {
      Vec16 value = load16(y + o);
      if (bias != nullptr) value += load16(bias + o);
      if (residual != nullptr) value += load16(residual + p * k + o);
      store16(relu ? (value < 0 ? Vec16{} : value) : value, y + o);
    }
  }
}

}  // namespace

void single_channel_forward(Backend& backend, const Conv2dShape& s, const float* x,
                            const float* weight, const float* bias, const float* residual,
                            bool relu, float* y) {
  const Stem stem{s};
  const TrackedBuffer scratch =
      floats(backend, stem.weight_floats + stem.workers * stem.padded_floats);
  if (backend.dry_run()) return;
  float* by_tap = scratch.floats();  // [kh, kw, k]
  const std::int64_t taps = s.kh * s.kw, row = s.ow() * s.k;
  for (std::int64_t i = 0; i < stem.weight_floats; ++i)
    by_tap[i] = weight[i % s.k * taps + i / s.k];
  stem.run([&](std::int64_t worker, std::int64_t begin, std::int64_t end) {
    float* padded = by_tap + stem.weight_floats + worker * stem.padded_floats;
    std::vector<GemmTerm> terms(static_cast<std::size_t>(s.kh));
    for (std::int64_t n = begin; n < end; ++n) {
      stem.pad(x + n * s.h * s.w, padded);
      for (std::int64_t oy = 0; oy < s.oh(); ++oy) {
        const std::int64_t at = (n * s.oh() + oy) * row;
        for (std::int64_t k = 0; k < s.k; k += kPanel) {
          for (std::int64_t ky = 0; ky < s.kh; ++ky) {
            terms[static_cast<std::size_t>(ky)] = {
                padded + (oy * s.stride + ky) * stem.padded_width, by_tap + ky * s.kw * s.k + k};
          }
          panel_gemm({s.ow(), std::min(kPanel, s.k - k), s.kw, s.stride, 1, s.k, s.k}, terms, false,
                     y + at + k);
        }
        finish(s.ow(), s.k, bias, residual == nullptr ? nullptr : residual + at, relu, y + at);
      }
    }
  });
}

void single_channel_backward_weight(Backend& backend, const Conv2dShape& s, const float* x,
                                    const float* dy, GradOut dweight) {
  const Stem stem{s};
  const std::int64_t per_worker = stem.weight_floats + stem.padded_floats;
  const TrackedBuffer scratch = floats(backend, stem.workers * per_worker);
  if (backend.dry_run()) return;
  stem.run([&](std::int64_t worker, std::int64_t begin, std::int64_t end) {
    float* sum = scratch.floats() + worker * per_worker;  // [kh, kw, k]
    float* padded = sum + stem.weight_floats;
    std::vector<GemmTerm> terms(static_cast<std::size_t>(s.oh()));
    for (std::int64_t n = begin; n < end; ++n) {
      stem.pad(x + n * s.h * s.w, padded);
      for (std::int64_t k = 0; k < s.k; k += kPanel) {
        for (std::int64_t ky = 0; ky < s.kh; ++ky) {
          for (std::int64_t oy = 0; oy < s.oh(); ++oy) {
            terms[static_cast<std::size_t>(oy)] = {
                padded + (oy * s.stride + ky) * stem.padded_width,
                dy + (n * s.oh() + oy) * s.ow() * s.k + k};
          }
          panel_gemm({s.kw, std::min(kPanel, s.k - k), s.ow(), 1, s.stride, s.k, s.k}, terms,
                     n != begin, sum + ky * s.kw * s.k + k);
        }
      }
    }
  });
  const std::int64_t taps = s.kh * s.kw;
  for (std::int64_t i = 0; i < stem.weight_floats; ++i) {
    float sum = 0;  // over the workers' shares, in their order
    for (std::int64_t w = 0; w < stem.workers; ++w) sum += scratch.floats()[w * per_worker + i];
    store(sum, dweight.mode, dweight.data[i % s.k * taps + i / s.k]);
  }
}

void single_channel_backward_data(Backend& backend, const Conv2dShape& s, const float* dy,
                                  const float* weight, GradOut dx) {
  // taps = dy W for a row of outputs, each kernel row in vectors of eight; then every output adds
  // its taps to a padded image.
  constexpr std::int64_t kWide = 8;
  const auto up = [](std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; };
  const Stem stem{s};
  const std::int64_t tap_row = up(s.kw, kWide), columns = up(s.kh * tap_row, kLanes);
  const std::int64_t pitch = stem.padded_width + tap_row, image = (s.h + 2 * s.pad) * pitch;
  const std::int64_t per_worker = s.ow() * columns + image;
  const TrackedBuffer scratch = floats(backend, s.k * columns + stem.workers * per_worker);
  if (backend.dry_run()) return;
  float* wide = scratch.floats();  // [k, kh, tap_row]
  std::fill_n(wide, s.k * columns, 0.0f);
  for (std::int64_t i = 0; i < s.k * s.kh; ++i) {
    std::copy_n(weight + i * s.kw, s.kw, wide + i / s.kh * columns + i % s.kh * tap_row);
  }
  stem.run([&](std::int64_t worker, std::int64_t begin, std::int64_t end) {
    float* taps = wide + s.k * columns + worker * per_worker;
    float* padded = taps + s.ow() * columns;
    for (std::int64_t n = begin; n < end; ++n) {
      std::fill_n(padded, image, 0.0f);
      for (std::int64_t oy = 0; oy < s.oh(); ++oy) {
        for (std::int64_t c = 0; c < columns; c += kPanel) {
          const GemmTerm term{dy + (n * s.oh() + oy) * s.ow() * s.k, wide + c};
          panel_gemm({s.ow(), std::min(kPanel, columns - c), s.k, s.k, 1, columns, columns},
                     {&term, 1}, false, taps + c);
        }
        for (std::int64_t ox = 0; ox < s.ow(); ++ox) {
          for (std::int64_t ky = 0; ky < s.kh; ++ky) {
            const float* from = taps + ox * columns + ky * tap_row;
            float* to = padded + (oy * s.stride + ky) * pitch + ox * s.stride;
            for (std::int64_t kx = 0; kx < tap_row; kx += kWide) {
              for (std::int64_t i = 0; i < kWide; ++i) to[kx + i] += from[kx + i];
            }
          }
        }
      }
      for (std::int64_t i = 0; i < s.h * s.w; ++i) {
        store(padded[(i / s.w + s.pad) * pitch + i % s.w + s.pad], dx.mode,
              dx.data[n * s.h * s.w + i]);
      }
    }
  });
}

}  // namespace frost
