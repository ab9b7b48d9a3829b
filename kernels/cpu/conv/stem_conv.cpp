#include "kernels/cpu/conv/stem_conv.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"
#include "kernels/tracked_buffer.h"

namespace frost {
namespace {

/// Sizes that all directions share, in floats.
struct Stem {
  const Conv2dShape& s;
  std::int64_t run = s.kw * s.c;                 ///< taps and channels of a kernel row
  std::int64_t step = s.stride * s.c;            ///< from one output to the next
  std::int64_t pitch = (s.w + 2 * s.pad) * s.c;  ///< a row of the padded picture
  std::int64_t padded = (s.h + 2 * s.pad) * pitch;
  std::int64_t weight = s.kh * run * s.k;
  std::int64_t workers = std::min<std::int64_t>(thread_budget(), s.n);

  /// Calls fn(worker, first image, end) with contiguous shares of the batch.
  template <class Fn>
  void share_images(const Fn& fn) const {
    const std::int64_t cost = 2 * s.n * s.oh() * s.ow() * weight / workers;
    parallel_for(workers, cost, [&](std::int64_t worker) {
      fn(worker, worker * s.n / workers, (worker + 1) * s.n / workers);
    });
  }

  /// Rows [begin, end) of the padded picture.
  void pad(const float* image, std::int64_t begin, std::int64_t end, float* to) const {
    std::fill_n(to, (end - begin) * pitch, 0.0f);
    for (std::int64_t y = std::max(begin, s.pad); y < std::min(end, s.h + s.pad); ++y) {
      std::copy_n(image + (y - s.pad) * s.w * s.c, s.w * s.c,
                  to + (y - begin) * pitch + s.pad * s.c);
    }
  }
};

/// y = y + bias + residual, then ReLU, for `pixels` rows of k; the pointers are nullable.
void finish(std::int64_t pixels, std::int64_t k, const float* bias, const float* residual,
            bool relu, float* y) {
  for (std::int64_t p = 0; p < pixels; ++p, y += k) {
    for (std::int64_t o = 0; o < k; o += kLanes) {
      Vec value = load(y + o);
      if (bias != nullptr) value += load(bias + o);
      if (residual != nullptr) value += load(residual + p * k + o);
      store(relu ? (value < 0 ? Vec{} : value) : value, y + o);
    }
  }
}

/// dweight [kh, run, k] of the images [begin, end), for one panel of k.
void add_weight_gradient(const Stem& stem, const float* padded, const float* dy, std::int64_t k,
                         float* sum) {
  const Conv2dShape& s = stem.s;
  constexpr std::int64_t kNearRows = 256;  // of dy, which stay in the first cache
  const std::int64_t rows = s.kh * stem.run, width = std::min(kPanel, s.k - k);
  const std::int64_t at_once = std::max<std::int64_t>(1, kNearRows / s.ow());
  std::vector<ScatteredTerm> terms(static_cast<std::size_t>(at_once));
  for (std::int64_t first = 0; first < s.oh(); first += at_once) {
    const std::int64_t count = std::min(at_once, s.oh() - first);
    for (std::int64_t row = 0; row < rows; row += kTileRows) {
      const std::int64_t m = std::min<std::int64_t>(kTileRows, rows - row);
      for (std::int64_t i = 0; i < count; ++i) {
        ScatteredTerm& term = terms[static_cast<std::size_t>(i)];
        for (std::int64_t r = 0; r < m; ++r) {
          const std::int64_t ky = (row + r) / stem.run, at = (row + r) % stem.run;
          term.rows[r] = padded + ((first + i) * s.stride + ky) * stem.pitch + at;
        }
        term.b = dy + (first + i) * s.ow() * s.k + k;
      }
      for (std::int64_t at = 0; at < width; at += kTile) {
        const std::int64_t tile = std::min(kTile, width - at);
        const ScatteredRows group{m, {terms.data(), static_cast<std::size_t>(count)}};
        scattered_gemm({tile, s.ow(), stem.step, s.k, s.k, 0, at}, {&group, 1}, true,
                       sum + row * s.k + k + at);
      }
    }
  }
}

}  // namespace

bool stem_fits(const Conv2dShape& s) {
  return s.n > 0 && s.c <= 4 && s.k % kUnit == 0;
}

void stem_forward(Backend& backend, const Conv2dShape& s, const float* x, const float* weight,
                  const float* bias, const float* residual, bool relu, float* y) {
  const Stem stem{s};
  constexpr std::int64_t kRowsPerTask = 8;
  const std::int64_t strips = (s.oh() + kRowsPerTask - 1) / kRowsPerTask;
  const std::int64_t padded_rows = (kRowsPerTask - 1) * s.stride + s.kh;
  const TrackedBuffer scratch = workspace(backend, stem.weight);
  if (backend.dry_run()) return;
  const std::int64_t taps = s.kh * stem.run;
  pack_columns(true, taps, s.k, weight, taps, scratch.floats());
  const std::int64_t cost = 2 * kRowsPerTask * s.ow() * stem.weight;
  parallel_for(s.n * strips, cost, [&](std::int64_t i) {
    const std::int64_t n = i / strips, begin = i % strips * kRowsPerTask;
    const std::int64_t first = begin * s.stride, end = std::min(s.oh(), begin + kRowsPerTask);
    std::vector<float> padded(static_cast<std::size_t>(padded_rows * stem.pitch));
    stem.pad(x + n * s.h * s.w * s.c, first, std::min(first + padded_rows, s.h + 2 * s.pad),
             padded.data());
    std::vector<GemmTerm> terms(static_cast<std::size_t>(s.kh));
    for (std::int64_t oy = begin; oy < end; ++oy) {
      const std::int64_t at = (n * s.oh() + oy) * s.ow() * s.k;
      for (std::int64_t k = 0; k < s.k; k += kPanel) {
        const TiledColumns panel(taps, std::min(kPanel, s.k - k));
        for (std::int64_t ky = 0; ky < s.kh; ++ky) {
          terms[static_cast<std::size_t>(ky)] = {
              padded.data() + (oy * s.stride - first + ky) * stem.pitch,
              scratch.floats() + k * taps + ky * stem.run * panel.width};
        }
        panel_gemm({s.ow(), std::min(kPanel, s.k - k), stem.run, stem.step, 1, panel.width,
                    panel.tile(), s.k},
                   terms, false, y + at + k);
      }
      finish(s.ow(), s.k, bias, residual == nullptr ? nullptr : residual + at, relu, y + at);
    }
  });
}

void stem_backward_weight(Backend& backend, const Conv2dShape& s, const float* x, const float* dy,
                          GradOut dweight) {
  const Stem stem{s};
  const std::int64_t per_worker = stem.weight + stem.padded;
  const TrackedBuffer scratch = workspace(backend, stem.workers * per_worker);
  if (backend.dry_run()) return;
  stem.share_images([&](std::int64_t worker, std::int64_t begin, std::int64_t end) {
    float* sum = scratch.floats() + worker * per_worker;  // [kh, run, k]
    float* padded = sum + stem.weight;
    std::fill_n(sum, stem.weight, 0.0f);
    for (std::int64_t n = begin; n < end; ++n) {
      stem.pad(x + n * s.h * s.w * s.c, 0, s.h + 2 * s.pad, padded);
      for (std::int64_t k = 0; k < s.k; k += kPanel) {
        add_weight_gradient(stem, padded, dy + n * s.oh() * s.ow() * s.k, k, sum);
      }
    }
  });
  const std::int64_t taps = s.kh * stem.run;
  for (std::int64_t i = 0; i < stem.weight; ++i) {
    float sum = 0;  // over the workers' shares, in their order
    for (std::int64_t w = 0; w < stem.workers; ++w) sum += scratch.floats()[w * per_worker + i];
    store(sum, dweight.mode, dweight.data[i % s.k * taps + i / s.k]);
  }
}

void stem_backward_data(Backend& backend, const Conv2dShape& s, const float* dy,
                        const float* weight, GradOut dx) {
  // taps = dy W for a row of outputs, each kernel row in vectors of eight; then every output adds
  // its taps to a padded picture.
  constexpr std::int64_t kWide = 8;
  const Stem stem{s};
  const std::int64_t tap_row = round_up(stem.run, kWide), columns = round_up(s.kh * tap_row, kUnit);
  const std::int64_t pitch = stem.pitch + tap_row, image = (s.h + 2 * s.pad) * pitch;
  const std::int64_t per_worker = s.ow() * columns + image;
  const TrackedBuffer scratch = workspace(backend, s.k * columns + stem.workers * per_worker);
  if (backend.dry_run()) return;
  float* wide = scratch.floats();  // [k, kh, tap_row]
  std::fill_n(wide, s.k * columns, 0.0f);
  for (std::int64_t i = 0; i < s.k * s.kh; ++i) {
    std::copy_n(weight + i * stem.run, stem.run, wide + i / s.kh * columns + i % s.kh * tap_row);
  }
  stem.share_images([&](std::int64_t worker, std::int64_t begin, std::int64_t end) {
    float* taps = wide + s.k * columns + worker * per_worker;
    float* padded = taps + s.ow() * columns;
    for (std::int64_t n = begin; n < end; ++n) {
      std::fill_n(padded, image, 0.0f);
      for (std::int64_t oy = 0; oy < s.oh(); ++oy) {
        for (std::int64_t c = 0; c < columns; c += kPanel) {
          const GemmTerm term{dy + (n * s.oh() + oy) * s.ow() * s.k, wide + c};
          panel_gemm({s.ow(), std::min(kPanel, columns - c), s.k, s.k, 1, columns, kTile, columns},
                     {&term, 1}, false, taps + c);
        }
        for (std::int64_t ox = 0; ox < s.ow(); ++ox) {
          for (std::int64_t ky = 0; ky < s.kh; ++ky) {
            const float* from = taps + ox * columns + ky * tap_row;
            float* to = padded + (oy * s.stride + ky) * pitch + ox * stem.step;
            for (std::int64_t i = 0; i < tap_row; ++i) to[i] += from[i];
          }
        }
      }
      for (std::int64_t y = 0; y < s.h; ++y) {
        const float* from = padded + (y + s.pad) * pitch + s.pad * s.c;
        float* to = dx.data + (n * s.h + y) * s.w * s.c;
        for (std::int64_t i = 0; i < s.w * s.c; ++i) store(from[i], dx.mode, to[i]);
      }
    }
  });
}

}  // namespace frost
