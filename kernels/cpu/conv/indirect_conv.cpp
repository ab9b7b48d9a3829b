#include "kernels/cpu/conv/indirect_conv.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/cpu/conv/pixel_rows.h"
#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// A packed panel of the weight for one chunk.
struct PackedChunk {
  const float* data;
  std::int64_t tile, tap;  ///< floats from one tile of columns, or one tap, to the next
};

/// For rows of pixels and panels of `columns` target channels: result = sum over taps of source row
/// times weight. `weight(chunk, the next one, first column, width, room)` gives the packed panel,
/// in `room` where it packs; `finish(row of the result, pixel among all images, first column,
/// width)` takes a row.
template <class Weight, class Finish>
void multiply(const PixelMap& map, std::int64_t n, const float* from, std::int64_t channels,
              std::int64_t columns, std::int64_t rows_per_task, const Weight& weight,
              const Finish& finish) {
  const std::int64_t rows = map.targets * n, blocks = (rows + rows_per_task - 1) / rows_per_task;
  const std::int64_t panels = (columns + kPanel - 1) / kPanel;
  const std::vector<Chunk> chunks = chunks_of(map.taps, channels);
  const std::vector<float> zeros(static_cast<std::size_t>(channels));
  const std::int64_t cost = 2 * rows_per_task * kPanel * map.taps * channels;
  parallel_for(panels * blocks, cost, [&](std::int64_t i) {
    const std::int64_t column = i / blocks * kPanel, begin = i % blocks * rows_per_task;
    const std::int64_t live = std::min(kPanel, columns - column), width = round_up(live, kUnit);
    const std::int64_t end = std::min(rows, begin + rows_per_task);
    RowGroups groups(map, n, begin, end, from, channels, zeros.data());
    const std::vector<Chunk> live_chunks = groups.live(chunks);
    const auto sums = std::make_unique_for_overwrite<float[]>(
        static_cast<std::size_t>(round_up(end - begin, kTileRows) * kPanel));
    if (live_chunks.empty()) std::fill_n(sums.get(), (end - begin) * kPanel, 0.0f);
    alignas(64) float room[kChunkRows * kPanel];
    for (std::size_t j = 0; j < live_chunks.size(); ++j) {
      const Chunk& chunk = live_chunks[j];
      const Chunk* next = j + 1 < live_chunks.size() ? &live_chunks[j + 1] : nullptr;
      const PackedChunk panel = weight(chunk, next, column, live, room);
      const auto rows_of_chunk = groups.of(chunk, panel.data, panel.tap);
      for (std::int64_t at = 0; at < width; at += kTile) {
        const std::int64_t tile = std::min(kTile, width - at);
        scattered_gemm({tile, chunk.depth, 1, tile, kPanel, chunk.channel, at / kTile * panel.tile},
                       rows_of_chunk, j > 0, sums.get() + at);
      }
    }
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t pixel = map.order[static_cast<std::size_t>(row / n)];
      finish(sums.get() + (row - begin) * kPanel, row % n * map.targets + pixel, column, live);
    }
  });
}

/// Pixels of images as rows of a matrix that is read down its columns: [tile of `width` channels]
/// [place of the pixel, image][channel within the tile], zeros behind the last channel. A pixel
/// without a place, -1, is left out.
template <class Place>
void pack_pixels(std::int64_t n, std::int64_t pixels, std::int64_t places, std::int64_t channels,
                 std::int64_t tile, const float* from, float* to, const Place& place) {
  parallel_for(pixels * n, channels, [&](std::int64_t i) {
    const std::int64_t pixel = i / n, image = i % n, at = place(pixel);
    if (at < 0) return;
    const float* row = from + (image * pixels + pixel) * channels;
    for (std::int64_t c = 0; c < channels; c += tile) {
      const std::int64_t width = std::min(tile, round_up(channels - c, kUnit));
      const std::int64_t live = std::min(width, channels - c);
      float* out = to + c * places * n + (at * n + image) * width;
      std::copy_n(row + c, live, out);
      std::fill(out + live, out + width, 0.0f);
    }
  });
}

/// Where the pixels of an input row lie when packed: by remainder of the stride, so that one tap
/// meets adjacent ones.
struct PhasedRow {
  std::int64_t stride, per_phase;

  explicit PhasedRow(const Conv2dShape& s)
      : stride(s.stride), per_phase((s.w + s.stride - 1) / s.stride) {}
  std::int64_t pitch() const { return stride * per_phase; }
  /// Whether any of `taps` taps meets it.
  bool met(std::int64_t at, std::int64_t taps, std::int64_t pad) const {
    return (at + pad) % stride < taps;
  }
  std::int64_t slot(std::int64_t ix) const { return ix % stride * per_phase + ix / stride; }
};

/// The outputs of one dimension that meet data through a tap: [begin, end).
struct LiveRange {
  std::int64_t begin, end;

  LiveRange(std::int64_t tap, std::int64_t in, std::int64_t out, const Conv2dShape& s) {
    const std::int64_t before = std::max<std::int64_t>(0, s.pad - tap);
    begin = std::min(out, (before + s.stride - 1) / s.stride);
    const std::int64_t reach = in - 1 + s.pad - tap;
    end = reach < 0 ? begin : std::max(begin, std::min(out, reach / s.stride + 1));
  }
};

/// Runs of packed rows, `length` each, that the sum of one tap goes over.
struct Runs {
  std::int64_t length;
  std::vector<std::pair<std::int64_t, std::int64_t>> starts;  ///< rows of dy, rows of x

  Runs(const Conv2dShape& s, std::int64_t tap) {
    const std::int64_t ky = tap / s.kw, kx = tap % s.kw;
    const LiveRange ys(ky, s.h, s.oh(), s), xs(kx, s.w, s.ow(), s);
    const PhasedRow row(s);
    length = (xs.end - xs.begin) * s.n;
    if (length == 0) return;
    const std::int64_t slot = row.slot(xs.begin * s.stride - s.pad + kx);
    for (std::int64_t oy = ys.begin; oy < ys.end; ++oy) {
      const std::int64_t iy = oy * s.stride - s.pad + ky;
      starts.emplace_back((oy * s.ow() + xs.begin) * s.n, (iy * row.pitch() + slot) * s.n);
    }
  }
};

}  // namespace

std::int64_t IndirectConvolutions::multiplications(const Conv2dShape& s) {
  std::int64_t live = 0;
  for (std::int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
    const Runs runs(s, tap);
    live += runs.length * static_cast<std::int64_t>(runs.starts.size());
  }
  return live * s.c * s.k;
}

const float* IndirectConvolutions::packed(const Conv2dShape& s, WeightView weight) {
  const std::int64_t rows = s.kh * s.kw * s.c;
  return packed_.get(weight, {nullptr, rows, s.k}, rows * round_up(s.k, kUnit), [&](float* to) {
    parallel_for((s.k + kTile - 1) / kTile, rows * kTile, [&](std::int64_t i) {
      const std::int64_t k = i * kTile;
      pack_columns(true, rows, std::min(kTile, s.k - k), weight.data + k * rows, rows,
                   to + k * rows);
    });
  });
}

void IndirectConvolutions::forward(const Conv2dShape& s, const float* x, WeightView weight,
                                   const float* bias, const float* residual, bool relu, float* y) {
  const float* u = packed(s, weight);
  if (backend_.dry_run() || s.n == 0) return;
  constexpr std::int64_t kRowsPerTask = 96;
  const std::int64_t rows = s.kh * s.kw * s.c;
  const auto panel = [&](const Chunk& chunk, const Chunk*, std::int64_t k, std::int64_t live,
                         float*) {
    const std::int64_t tile = std::min(kTile, round_up(live, kUnit));
    return PackedChunk{u + k * rows + (chunk.first * s.c + chunk.channel) * tile, rows * tile,
                       s.c * tile};
  };
  multiply(outputs_from_inputs(s), s.n, x, s.c, s.k, kRowsPerTask, panel,
           [&](const float* sums, std::int64_t pixel, std::int64_t k, std::int64_t live) {
             float* out = y + pixel * s.k + k;
             const float* add = residual == nullptr ? nullptr : residual + pixel * s.k + k;
             for (std::int64_t i = 0; i < live; ++i) {
               float value = sums[i] + (bias == nullptr ? 0.0f : bias[k + i]);
               if (add != nullptr) value += add[i];
               out[i] = relu && value < 0.0f ? 0.0f : value;
             }
           });
}

void IndirectConvolutions::backward_data(const Conv2dShape& s, const float* dy, WeightView weight,
                                         GradOut dx) {
  if (backend_.dry_run() || s.n == 0) return;
  // Every task packs what it multiplies with: enough rows that it hardly counts.
  constexpr std::int64_t kRowsPerTask = 384;
  const std::int64_t taps = s.kh * s.kw;
  const auto row_of = [&](const Chunk& chunk, std::int64_t tap, std::int64_t j, std::int64_t c) {
    return weight.data + ((chunk.channel + j) * taps + tap) * s.c + c;
  };
  // Rows of the weight lie pages apart, where no processor looks ahead by itself.
  const auto look_ahead = [&](const Chunk& chunk, std::int64_t c, std::int64_t live) {
    for (std::int64_t tap = chunk.first; tap < chunk.end; ++tap) {
      for (std::int64_t j = 0; j < chunk.depth; ++j) {
        for (std::int64_t at = 0; at < live; at += kUnit) {
          __builtin_prefetch(row_of(chunk, tap, j, c + at));
        }
      }
    }
  };
  const auto panel = [&](const Chunk& chunk, const Chunk* next, std::int64_t c, std::int64_t live,
                         float* room) {
    const std::int64_t width = round_up(live, kUnit), tile = std::min(kTile, width);
    const std::int64_t rows = (chunk.end - chunk.first) * chunk.depth;
    for (std::int64_t tap = chunk.first; tap < chunk.end; ++tap) {
      for (std::int64_t at = 0; at < width; at += tile) {
        pack_columns(false, chunk.depth, std::min(tile, live - at), row_of(chunk, tap, 0, c + at),
                     taps * s.c, room + at * rows + (tap - chunk.first) * chunk.depth * tile);
      }
    }
    if (next != nullptr) look_ahead(*next, c, live);
    return PackedChunk{room, rows * tile, chunk.depth * tile};
  };
  multiply(inputs_from_outputs(s), s.n, dy, s.k, s.c, kRowsPerTask, panel,
           [&](const float* sums, std::int64_t pixel, std::int64_t c, std::int64_t live) {
             float* out = dx.data + pixel * s.c + c;
             for (std::int64_t i = 0; i < live; ++i) store(sums[i], dx.mode, out[i]);
           });
}

void IndirectConvolutions::backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                                           GradOut dweight) {
  const PhasedRow row(s);
  const std::int64_t in = s.h * row.pitch(), out = s.oh() * s.ow(), taps = s.kh * s.kw;
  const std::int64_t x_floats = s.n * in * round_up(s.c, kUnit),
                     dy_floats = s.n * out * round_up(s.k, kUnit);
  const TrackedBuffer scratch = workspace(backend_, x_floats + dy_floats);
  if (backend_.dry_run()) return;
  float *inputs = scratch.floats(), *gradients = inputs + x_floats;
  pack_pixels(s.n, s.h * s.w, in, s.c, kTile, x, inputs, [&](std::int64_t pixel) {
    const std::int64_t y = pixel / s.w, x_at = pixel % s.w;
    if (!row.met(y, s.kh, s.pad) || !row.met(x_at, s.kw, s.pad)) return std::int64_t{-1};
    return y * row.pitch() + row.slot(x_at);
  });
  pack_pixels(s.n, out, out, s.k, kPanel, dy, gradients, [](std::int64_t pixel) { return pixel; });

  constexpr std::int64_t kAtOnce = 96;  // rows of both operands that stay in the first cache
  const std::int64_t panels = (s.c + kPanel - 1) / kPanel, blocks = (s.k + kPanel - 1) / kPanel;
  parallel_for(taps * panels * blocks, 2 * s.n * out * kPanel * kPanel, [&](std::int64_t i) {
    const std::int64_t tap = i / blocks / panels, k = i % blocks * kPanel;
    const std::int64_t c = i / blocks % panels * kPanel, live = std::min(kPanel, s.c - c);
    const std::int64_t width = round_up(live, kUnit), tile = std::min(kTile, width);
    const std::int64_t rows = std::min(kPanel, s.k - k), dy_width = round_up(rows, kUnit);
    const Runs runs(s, tap);
    float sums[kPanel * kPanel] = {};  // [k, c]
    std::vector<GemmTerm> terms;
    const auto flush = [&](std::int64_t length) {
      if (terms.empty()) return;
      panel_gemm({rows, width, length, 1, dy_width, tile, s.n * in * tile, kPanel}, terms, true,
                 sums);
      terms.clear();
    };
    const std::int64_t length = std::min(kAtOnce, runs.length);
    const auto many = static_cast<std::size_t>(length > 0 ? kAtOnce / length : 0);
    for (std::int64_t first = 0; first < runs.length; first += length) {
      const std::int64_t piece = std::min(length, runs.length - first);
      for (const auto& [dy_row, x_row] : runs.starts) {
        terms.push_back({gradients + k * s.n * out + (dy_row + first) * dy_width,
                         inputs + c * s.n * in + (x_row + first) * tile});
        if (terms.size() == many) flush(piece);
      }
      flush(piece);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      float* to = dweight.data + ((k + r) * taps + tap) * s.c + c;
      for (std::int64_t j = 0; j < live; ++j) store(sums[r * kPanel + j], dweight.mode, to[j]);
    }
  });
}

}  // namespace frost
