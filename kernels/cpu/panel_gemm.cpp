#include "kernels/cpu/panel_gemm.h"

#include <algorithm>
#include <utility>

namespace frost {
namespace {

/// Rows of the register tile: 6 x 4 accumulators, 4 registers for B and one for A fit 32.
constexpr int kRows = 6;

template <int kM, int kVectors>
void tile(const PanelShape& s, std::span<const GemmTerm> terms, std::int64_t row, bool accumulate,
          float* c) {
  Vec16 sum[kM][kVectors] = {};
  for (const GemmTerm& term : terms) {
    const float* a = term.a + row * s.a_row;
    const float* b = term.b;
    for (std::int64_t j = 0; j < s.k; ++j, a += s.a_column, b += s.b_row) {
      Vec16 columns[kVectors];
      for (int v = 0; v < kVectors; ++v) columns[v] = load16(b + v * kLanes);
      for (int r = 0; r < kM; ++r) {
        const Vec16 value = a[r * s.a_row] - Vec16{};
        for (int v = 0; v < kVectors; ++v) sum[r][v] += value * columns[v];
      }
    }
  }
  for (int r = 0; r < kM; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      float* out = c + (row + r) * s.c_row + v * kLanes;
      store16(accumulate ? load16(out) + sum[r][v] : sum[r][v], out);
    }
  }
}

using Tile = void (*)(const PanelShape&, std::span<const GemmTerm>, std::int64_t, bool, float*);

template <int kVectors, int... kM>
Tile tile_of(std::int64_t rows, std::integer_sequence<int, kM...>) {
  constexpr Tile tiles[] = {tile<kM + 1, kVectors>...};
  return tiles[rows - 1];
}

Tile tile_for(std::int64_t rows, std::int64_t columns) {
  constexpr auto kEach = std::make_integer_sequence<int, kRows>{};
  switch (columns / kLanes) {
    case 1:
      return tile_of<1>(rows, kEach);
    case 2:
      return tile_of<2>(rows, kEach);
    case 3:
      return tile_of<3>(rows, kEach);
    default:
      return tile_of<4>(rows, kEach);
  }
}

/// One stage of the butterfly that transposes 16 x 16: rows r and r + kStep exchange halves.
template <int kStep, int... i>
void exchange(Vec16 (&rows)[kLanes], std::integer_sequence<int, i...>) {
  for (int r = 0; r < kLanes; ++r) {
    if ((r & kStep) != 0) continue;
    const Vec16 a = rows[r], b = rows[r + kStep];
    rows[r] = __builtin_shufflevector(a, b, ((i & kStep) != 0 ? kLanes + i - kStep : i)...);
    rows[r + kStep] = __builtin_shufflevector(a, b, ((i & kStep) != 0 ? kLanes + i : i + kStep)...);
  }
}

}  // namespace

void panel_gemm(const PanelShape& s, std::span<const GemmTerm> terms, bool accumulate, float* c) {
  const Tile full = tile_for(kRows, s.n);
  std::int64_t row = 0;
  for (; row + kRows <= s.m; row += kRows) full(s, terms, row, accumulate, c);
  if (row < s.m) tile_for(s.m - row, s.n)(s, terms, row, accumulate, c);
}

void transpose16(Vec16 (&rows)[kLanes]) {
  constexpr auto kEach = std::make_integer_sequence<int, kLanes>{};
  exchange<1>(rows, kEach);
  exchange<2>(rows, kEach);
  exchange<4>(rows, kEach);
  exchange<8>(rows, kEach);
}

void transpose_blocks(std::int64_t rows, std::int64_t columns, const float* from,
                      std::int64_t from_row, float* to, std::int64_t to_row) {
  for (std::int64_t r = 0; r < rows; r += kLanes) {
    for (std::int64_t c = 0; c < columns; c += kLanes) {
      Vec16 block[kLanes];
      for (std::int64_t i = 0; i < kLanes; ++i) block[i] = load16(from + (r + i) * from_row + c);
      transpose16(block);
      for (std::int64_t i = 0; i < kLanes; ++i) store16(block[i], to + (c + i) * to_row + r);
    }
  }
}

}  // namespace frost
