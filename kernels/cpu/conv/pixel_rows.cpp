#include "kernels/cpu/conv/pixel_rows.h"

#include <algorithm>

namespace frost {

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

RowGroups::RowGroups(const PixelMap& map, std::int64_t n, std::int64_t begin, std::int64_t end,
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

std::vector<Chunk> RowGroups::live(const std::vector<Chunk>& chunks) const {
  std::vector<Chunk> found;
  for (const Chunk& chunk : chunks) {
    const auto inside = [&](std::int64_t tap) { return tap >= chunk.first && tap < chunk.end; };
    if (std::any_of(taps_.begin(), taps_.end(), inside)) found.push_back(chunk);
  }
  return found;
}

std::span<const ScatteredRows> RowGroups::of(const Chunk& chunk, const float* weight,
                                             std::int64_t tap) {
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

void RowGroups::add_terms(std::int64_t taps, const std::int64_t* const* sources,
                          const float* const* images, std::int64_t channels, const float* zeros) {
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

}  // namespace frost
