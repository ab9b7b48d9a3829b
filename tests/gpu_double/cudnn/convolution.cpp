#include "tests/gpu_double/cudnn/convolution.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace frost::gpu_double::cudnn {
namespace {

using Offsets = std::vector<std::size_t>;

/// c[c_rows[i] + j] += sum over l of a[a_rows[i] + a_depth[l]] * b[b_depth[l] + j]
///
/// Each tap of each direction of a convolution is one: rows and depth are pixels or channels, found
/// by their offsets, and j runs over channels that lie side by side.
struct Product {
  const double* a;
  const Offsets& a_rows;
  const Offsets& a_depth;
  const double* b;
  const Offsets& b_depth;
  std::size_t columns;
  double* c;
  const Offsets& c_rows;
};

/// As many of `depth` at a time as stay in a cache near the core.
constexpr std::size_t kDepthBlock = 128;
/// Rows whose sums stay in registers.
constexpr std::size_t kRows = 4;

using One = double;
using Four = double __attribute__((vector_size(4 * sizeof(double))));

/// As many columns as there are doubles in Several.
template <std::size_t Rows, class Several>
void add_tile(const Product& p, std::size_t row, std::size_t column, std::size_t first,
              std::size_t last) {
  Several sums[Rows] = {};
  const double* a[Rows];
  for (std::size_t i = 0; i < Rows; ++i) a[i] = p.a + p.a_rows[row + i];
  for (std::size_t l = first; l < last; ++l) {
    Several b;
    std::memcpy(&b, p.b + p.b_depth[l] + column, sizeof b);
    const std::size_t depth = p.a_depth[l];
    for (std::size_t i = 0; i < Rows; ++i) sums[i] += a[i][depth] * b;
  }
  for (std::size_t i = 0; i < Rows; ++i) {
    double* there = p.c + p.c_rows[row + i] + column;
    Several c;
    std::memcpy(&c, there, sizeof c);
    c += sums[i];
    std::memcpy(there, &c, sizeof c);
  }
}

template <std::size_t Rows>
void add_rows(const Product& p, std::size_t row, std::size_t first, std::size_t last) {
  std::size_t column = 0;
  for (; column + 4 <= p.columns; column += 4) add_tile<Rows, Four>(p, row, column, first, last);
  for (; column < p.columns; ++column) add_tile<Rows, One>(p, row, column, first, last);
}

void add_product(const Product& p) {
  for (std::size_t first = 0; first < p.a_depth.size(); first += kDepthBlock) {
    const std::size_t last = std::min(first + kDepthBlock, p.a_depth.size());
    std::size_t row = 0;
    for (; row + kRows <= p.a_rows.size(); row += kRows) add_rows<kRows>(p, row, first, last);
    for (; row < p.a_rows.size(); ++row) add_rows<1>(p, row, first, last);
  }
}

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// 0, stride, 2 stride, ...
Offsets offsets(std::size_t count, std::size_t stride) {
  Offsets list(count);
  for (std::size_t i = 0; i < count; ++i) list[i] = i * stride;
  return list;
}

/// The pixels of x and y that one tap of the filter connects.
struct Meeting {
  Offsets x, y;
};

Meeting meeting(const Convolution& convolution, std::int64_t tap_row, std::int64_t tap_column) {
  const auto& [direction, x, w, y, window, alpha, beta] = convolution;
  Meeting met;
  for (std::int64_t n = 0; n < y.dims[0]; ++n) {
    for (std::int64_t oh = 0; oh < y.dims[2]; ++oh) {
      const std::int64_t h =
          oh * window.stride[0] - window.pad_before[0] + tap_row * window.dilation[0];
      if (h < 0 || h >= x.dims[2]) continue;
      for (std::int64_t ow = 0; ow < y.dims[3]; ++ow) {
        const std::int64_t column =
            ow * window.stride[1] - window.pad_before[1] + tap_column * window.dilation[1];
        if (column < 0 || column >= x.dims[3]) continue;
        met.x.push_back(size(((n * x.dims[2] + h) * x.dims[3] + column) * x.dims[1]));
        met.y.push_back(size(((n * y.dims[2] + oh) * y.dims[3] + ow) * y.dims[1]));
      }
    }
  }
  return met;
}

/// Calls fn(offset of the tap in a filter, what it connects) unless it meets only padding.
template <class Fn>
void for_each_tap(const Convolution& convolution, const Fn& fn) {
  const Dims& filter = convolution.w.dims;
  for (std::int64_t r = 0; r < filter[2]; ++r) {
    for (std::int64_t s = 0; s < filter[3]; ++s) {
      const bool flipped = convolution.window.flipped;
      const std::int64_t row = flipped ? filter[2] - 1 - r : r;
      const std::int64_t column = flipped ? filter[3] - 1 - s : s;
      const Meeting met = meeting(convolution, r, s);
      if (!met.x.empty()) fn(size((row * filter[3] + column) * filter[1]), met);
    }
  }
}

/// One tap of all filters, as channels by filters.
Numbers channels_by_filters(const Numbers& w, std::size_t tap, std::size_t channels,
                            const Offsets& filters) {
  Numbers turned(channels * filters.size());
  for (std::size_t k = 0; k < filters.size(); ++k) {
    for (std::size_t c = 0; c < channels; ++c) {
      turned[c * filters.size() + k] = w[filters[k] + tap + c];
    }
  }
  return turned;
}

}  // namespace

Numbers convolve(const Convolution& convolution, const Numbers& a, const Numbers& b) {
  const std::size_t filters = size(convolution.w.dims[0]), channels = size(convolution.w.dims[1]);
  const Offsets in_filters = offsets(filters, size(convolution.w.elements()) / filters);
  const Offsets every_filter = offsets(filters, 1), every_channel = offsets(channels, 1);
  const Offsets filter_rows = offsets(channels, filters);
  Numbers sums(size(convolution.result().elements()));
  for_each_tap(convolution, [&](std::size_t tap, const Meeting& met) {
    switch (convolution.direction) {
      case Direction::kForward: {
        const Numbers turned = channels_by_filters(b, tap, channels, in_filters);
        add_product({a.data(), met.x, every_channel, turned.data(), filter_rows, filters,
                     sums.data(), met.y});
        break;
      }
      case Direction::kBackwardData:
        add_product({b.data(), met.y, every_filter, a.data() + tap, in_filters, channels,
                     sums.data(), met.x});
        break;
      case Direction::kBackwardFilter:
        add_product({b.data(), every_filter, met.y, a.data(), met.x, channels, sums.data() + tap,
                     in_filters});
        break;
    }
  });
  return sums;
}

}  // namespace frost::gpu_double::cudnn
