#include "kernels/cpu/indirect_conv.h"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

std::int64_t up(std::int64_t n, std::int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

/// Which source pixel each target pixel reads through each tap.
struct PixelMap {
  std::int64_t taps, targets, sources;
  std::vector<std::int64_t> order;   ///< target pixels, those of equal taps side by side
  std::vector<std::int64_t> source;  ///< [place in the order, tap]; -1 is padding

  const std::int64_t* sources_of(std::int64_t place) const { return source.data() + place * taps; }
};

/// An output reads the input under its taps.
PixelMap outputs_from_inputs(const Conv2dShape& s) {
  PixelMap map{s.kh * s.kw, s.oh() * s.ow(), s.h * s.w, {}, {}};
  for (std::int64_t oy = 0; oy < s.oh(); ++oy) {
    for (std::int64_t ox = 0; ox < s.ow(); ++ox) {
      map.order.push_back(oy * s.ow() + ox);
      for (std::int64_t ky = 0; ky < s.kh; ++ky) {
        for (std::int64_t kx = 0; kx < s.kw; ++kx) {
          const std::int64_t iy = oy * s.stride - s.pad + ky, ix = ox * s.stride - s.pad + kx;
          const bool inside = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
          map.source.push_back(inside ? iy * s.w + ix : -1);
        }
      }
    }
  }
  return map;
}

/// An input reads the gradients of the outputs that it went into. Inputs of equal remainders by the
/// stride meet the same taps.
PixelMap inputs_from_outputs(const Conv2dShape& s) {
  PixelMap map{s.kh * s.kw, s.h * s.w, s.oh() * s.ow(), {}, {}};
  for (std::int64_t phase = 0; phase < s.stride * s.stride; ++phase) {
    for (std::int64_t iy = phase / s.stride; iy < s.h; iy += s.stride) {
      for (std::int64_t ix = phase % s.stride; ix < s.w; ix += s.stride) {
        map.order.push_back(iy * s.w + ix);
        for (std::int64_t ky = 0; ky < s.kh; ++ky) {
          for (std::int64_t kx = 0; kx < s.kw; ++kx) {
            const std::int64_t y = iy + s.pad - ky, x = ix + s.pad - kx;
            const bool live = y >= 0 && x >= 0 && y % s.stride == 0 && x % s.stride == 0 &&
                              y / s.stride < s.oh() && x / s.stride < s.ow();
            map.source.push_back(live ? y / s.stride * s.ow() + x / s.stride : -1);
          }
        }
      }
    }
  }
  return map;
}

/// Taps [first, end) and channels [channel, channel + depth) of each: rows of the weight, a tile of
/// which stays near the core while many rows of pixels pass by.
struct Chunk {
  std::int64_t first, end, channel, depth;
};
constexpr std::int64_t kChunkRows = 256;

std::vector<Chunk> chunks_of(std::int64_t taps, std::int64_t channels) {
  std::vector<Chunk> chunks;
  const std::int64_t depth = std::min(kChunkRows, channels);
  const std::int64_t at_once = std::max<std::int64_t>(1, kChunkRows / depth);
  for (std::int64_t tap = 0; tap < taps; tap += at_once) {
    for (std::int64_t c = 0; c < channels; c += depth) {
      chunks.push_back({tap, std::min(taps, tap + at_once), c, std::min(depth, channels - c)});
    }
  }
  return chunks;
}

/// Rows of products in groups of one tile, each with the taps that at least one of its rows has.
class RowGroups {
 public:
  /// Rows [begin, end) of `map` over n images of source rows `from`; `zeros` stands for padding.
  RowGroups(const PixelMap& map, std::int64_t n, std::int64_t begin, std::int64_t end,
            const float* from, std::int64_t channels, const float* zeros) {
    const std::int64_t count = (end - begin + kTileRows - 1) / kTileRows;
    terms_.reserve(static_cast<std::size_t>(count * map.taps));
    taps_.reserve(terms_.capacity());
    std::int64_t place = begin / n, image = begin % n;
    for (std::int64_t row = begin; row < end; row += kTileRows) {
      groups_.push_back({std::min<std::int64_t>(kTileRows, end - row), terms_.size(), 0});
      const std::int64_t* sources[kTileRows];
      const float* images[kTileRows];
      for (std::int64_t r = 0; r < groups_.back().rows; ++r) {
        sources[r] = map.sources_of(place);
        images[r] = from + image * map.sources * channels;
        if (++image < n) continue;
        image = 0;
        ++place;
      }
      add_terms(map.taps, sources, images, channels, zeros);
      groups_.back().end = terms_.size();
    }
    rows_.resize(groups_.size());
  }

  /// Those of `chunks` that any row has taps of.
  std::vector<Chunk> live(const std::vector<Chunk>& chunks) const {
    std::vector<Chunk> found;
    for (const Chunk& chunk : chunks) {
      const auto inside = [&](std::int64_t tap) { return tap >= chunk.first && tap < chunk.end; };
      if (std::any_of(taps_.begin(), taps_.end(), inside)) found.push_back(chunk);
    }
    return found;
  }

  /// The rows of all groups with their terms of a chunk, whose packed weight is at `weight`, `tap`
  /// floats for each tap; valid until the next call.
  std::span<const ScatteredRows> of(const Chunk& chunk, const float* weight, std::int64_t tap) {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      std::size_t begin = groups_[g].begin;
      while (begin < groups_[g].end && taps_[begin] < chunk.first) ++begin;
      std::size_t end = begin;
      for (; end < groups_[g].end && taps_[end] < chunk.end; ++end) {
        terms_[end].b = weight + (taps_[end] - chunk.first) * tap;
      }
      rows_[g] = {groups_[g].rows, {terms_.data() + begin, end - begin}};
    }
    return rows_;
  }

 private:
  struct Group {
    std::int64_t rows;
    std::size_t begin, end;  ///< of its terms
  };

  /// The taps of the last group.
  void add_terms(std::int64_t taps, const std::int64_t* const* sources, const float* const* images,
                 std::int64_t channels, const float* zeros) {
    const std::int64_t rows = groups_.back().rows;
    const bool one_pixel = sources[0] == sources[rows - 1];
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      if (one_pixel && sources[0][tap] < 0) continue;
      ScatteredTerm term{};
      bool live = false;
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t source = sources[r][tap];
        live |= source >= 0;
        term.rows[r] = source < 0 ? zeros : images[r] + source * channels;
      }
      if (!live) continue;
      taps_.push_back(tap);
      terms_.push_back(term);
    }
  }

  std::vector<Group> groups_;
  std::vector<ScatteredTerm> terms_;
  std::vector<std::int64_t> taps_;  ///< of each term
  std::vector<ScatteredRows> rows_;
};

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
    const std::int64_t live = std::min(kPanel, columns - column), width = up(live, kUnit);
    const std::int64_t end = std::min(rows, begin + rows_per_task);
    RowGroups groups(map, n, begin, end, from, channels, zeros.data());
    const std::vector<Chunk> live_chunks = groups.live(chunks);
    const auto sums = std::make_unique_for_overwrite<float[]>(
        static_cast<std::size_t>(up(end - begin, kTileRows) * kPanel));
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
      const std::int64_t width = std::min(tile, up(channels - c, kUnit));
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
  const auto bytes = static_cast<std::size_t>(rows * up(s.k, kUnit)) * sizeof(float);
  Packed* entry = nullptr;
  if (weight.id == 0) {
    unnamed_ = TrackedBuffer(backend_, MemoryTag::kWorkspace, bytes);
  } else {
    const auto [found, added] = packed_.try_emplace(weight.id);
    entry = &found->second;
    if (added) {
      *entry = {weight.version + 1, TrackedBuffer(backend_, MemoryTag::kPacked, bytes)};
    }
    if (entry->version == weight.version) return entry->buffer.floats();
    if (!backend_.dry_run()) entry->version = weight.version;
  }
  float* to = entry == nullptr ? unnamed_.floats() : entry->buffer.floats();
  if (backend_.dry_run()) return to;
  parallel_for((s.k + kTile - 1) / kTile, rows * kTile, [&](std::int64_t i) {
    const std::int64_t k = i * kTile;
    pack_columns(true, rows, std::min(kTile, s.k - k), weight.data + k * rows, rows, to + k * rows);
  });
  return to;
}

void IndirectConvolutions::forward(const Conv2dShape& s, const float* x, WeightView weight,
                                   const float* bias, const float* residual, bool relu, float* y) {
  const float* u = packed(s, weight);
  if (backend_.dry_run() || s.n == 0) return;
  constexpr std::int64_t kRowsPerTask = 96;
  const std::int64_t rows = s.kh * s.kw * s.c;
  const auto panel = [&](const Chunk& chunk, const Chunk*, std::int64_t k, std::int64_t live,
                         float*) {
    const std::int64_t tile = std::min(kTile, up(live, kUnit));
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
  const auto panel = [&](const Chunk& chunk, const Chunk* next, std::int64_t c, std::int64_t live,
                         float* room) {
    const std::int64_t width = up(live, kUnit), tile = std::min(kTile, width);
    const std::int64_t rows = (chunk.end - chunk.first) * chunk.depth;
    for (std::int64_t tap = chunk.first; tap < chunk.end; ++tap) {
      for (std::int64_t at = 0; at < width; at += tile) {
        pack_columns(false, chunk.depth, std::min(tile, live - at), row_of(chunk, tap, 0, c + at),
                     taps * s.c, room + at * rows + (tap - chunk.first) * chunk.depth * tile);
      }
    }
    // Rows of the weight lie pages apart, where no processor looks ahead by itself.
    for (std::int64_t tap = next == nullptr ? 0 : next->first; next != nullptr && tap < next->end;
         ++tap) {
      for (std::int64_t j = 0; j < next->depth; ++j) {
        for (std::int64_t at = 0; at < live; at += kUnit) {
          __builtin_prefetch(row_of(*next, tap, j, c + at));
        }
      }
    }
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
  const std::int64_t x_floats = s.n * in * up(s.c, kUnit), dy_floats = s.n * out * up(s.k, kUnit);
  const TrackedBuffer scratch(backend_, MemoryTag::kWorkspace,
                              static_cast<std::size_t>(x_floats + dy_floats) * sizeof(float));
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
    const std::int64_t width = up(live, kUnit), tile = std::min(kTile, width);
    const std::int64_t rows = std::min(kPanel, s.k - k), dy_width = up(rows, kUnit);
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
