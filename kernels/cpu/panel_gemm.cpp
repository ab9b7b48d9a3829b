#include "kernels/cpu/panel_gemm.h"

#include <algorithm>
#include <utility>

namespace frost {
namespace {

/// kM x kVectors registers of sums. `a(term, r)` is where row r of an addend's A begins, `c(r)`
/// where a row of results goes.
template <int kM, int kVectors, class Term, class RowOfA, class RowOfC>
[[gnu::always_inline]] inline void tile(std::span<const Term> terms, std::int64_t k,
                                        std::int64_t a_column, std::int64_t b_row,
                                        std::int64_t b_offset, bool accumulate, const RowOfA& a,
                                        const RowOfC& c) {
  Vec sum[kM][kVectors];
  unrolled<kM>([&](auto r) __attribute__((always_inline)) {
    unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
      sum[r][v] = accumulate ? load(c(r) + v * kLanes) : Vec{};
    });
  });
  for (const Term& term : terms) {
    const float* rows[kM];
    unrolled<kM>([&](auto r) __attribute__((always_inline)) { rows[r] = a(term, r); });
    const float* b = term.b + b_offset;
    for (std::int64_t j = 0, at = 0; j < k; ++j, at += a_column, b += b_row) {
      Vec columns[kVectors];
      unrolled<kVectors>([&](auto v)
                             __attribute__((always_inline)) { columns[v] = load(b + v * kLanes); });
      unrolled<kM>([&](auto r) __attribute__((always_inline)) {
        const Vec value = broadcast(rows[r][at]);
        unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
          sum[r][v] = fused(value, columns[v], sum[r][v]);
        });
      });
    }
  }
  unrolled<kM>([&](auto r) __attribute__((always_inline)) {
    unrolled<kVectors>([&](auto v)
                           __attribute__((always_inline)) { store(sum[r][v], c(r) + v * kLanes); });
  });
}

template <int kM, int kVectors>
void panel_tile(const PanelShape& s, std::span<const GemmTerm> terms, std::int64_t row,
                std::int64_t b_offset, bool accumulate, float* c) {
  tile<kM, kVectors>(
      terms, s.k, s.a_column, s.b_row, b_offset, accumulate,
      [&](const GemmTerm& term, int r) { return term.a + (row + r) * s.a_row; },
      [&](int r) { return c + (row + r) * s.c_row; });
}

template <int kM, int kVectors>
void scattered_tile(const ScatteredShape& s, std::span<const ScatteredTerm> terms, bool accumulate,
                    float* c) {
  tile<kM, kVectors>(
      terms, s.k, s.a_column, s.b_row, s.b_offset, accumulate,
      [&](const ScatteredTerm& term, int r) { return term.rows[r] + s.a_offset; },
      [&](int r) { return c + r * s.c_row; });
}

/// The instance of a tile for `rows` (1 .. kTileRows) and `columns` (a multiple of 16, at most
/// kTile): kPick<kM, kVectors>::value.
template <template <int, int> class kPick>
auto tile_for(std::int64_t rows, std::int64_t columns) {
  const auto of_width = [&]<int kVectors, int... i>(std::integral_constant<int, kVectors>,
                                                    std::integer_sequence<int, i...>) {
    constexpr decltype(kPick<1, 1>::value) tiles[] = {kPick<i + 1, kVectors>::value...};
    return tiles[rows - 1];
  };
  constexpr auto kEachRow = std::make_integer_sequence<int, kTileRows>{};
  constexpr int kPerUnit = static_cast<int>(kUnit) / kLanes;
  if constexpr (kTile > kUnit) {
    if (columns == kUnit) return of_width(std::integral_constant<int, kPerUnit>{}, kEachRow);
    if (columns == 2 * kUnit) {
      return of_width(std::integral_constant<int, 2 * kPerUnit>{}, kEachRow);
    }
    if (columns == 3 * kUnit) {
      return of_width(std::integral_constant<int, 3 * kPerUnit>{}, kEachRow);
    }
  }
  return of_width(std::integral_constant<int, static_cast<int>(kTile) / kLanes>{}, kEachRow);
}

template <int kM, int kVectors>
struct PanelTile {
  static constexpr auto value = &panel_tile<kM, kVectors>;
};
template <int kM, int kVectors>
struct ScatteredTile {
  static constexpr auto value = &scattered_tile<kM, kVectors>;
};

/// One stage of the butterfly that transposes: rows r and r + kStep exchange halves.
template <int kStep, int... i>
void exchange(Vec (&rows)[kLanes], std::integer_sequence<int, i...>) {
  for (int r = 0; r < kLanes; ++r) {
    if ((r & kStep) != 0) continue;
    const Vec a = rows[r], b = rows[r + kStep];
    rows[r] = __builtin_shufflevector(a, b, ((i & kStep) != 0 ? kLanes + i - kStep : i)...);
    rows[r + kStep] = __builtin_shufflevector(a, b, ((i & kStep) != 0 ? kLanes + i : i + kStep)...);
  }
}

}  // namespace

void panel_gemm(const PanelShape& s, std::span<const GemmTerm> terms, bool accumulate, float* c) {
  const std::int64_t width = std::min(kTile, s.n);
  const auto full = tile_for<PanelTile>(kTileRows, width);
  const auto rows = [&](std::int64_t column, std::int64_t begin, std::int64_t end) {
    const std::int64_t b = column / kTile * s.b_tile;
    std::int64_t row = begin;
    for (; row + kTileRows <= end; row += kTileRows) {
      full(s, terms, row, b, accumulate, c + column);
    }
    if (row < end) {
      tile_for<PanelTile>(end - row, width)(s, terms, row, b, accumulate, c + column);
    }
  };
  // What is read again stays in the first cache: a tile of B, or where that is too large rows of A.
  constexpr std::int64_t kNearFloats = 4096;
  const bool near = static_cast<std::int64_t>(terms.size()) * s.k * width <= kNearFloats;
  const std::int64_t step = near ? s.m : kTileRows;
  for (std::int64_t row = 0; row < s.m; row += step) {
    for (std::int64_t column = 0; column < s.n; column += kTile) {
      rows(column, row, std::min(s.m, row + step));
    }
  }
}

void scattered_gemm(const ScatteredShape& s, std::span<const ScatteredRows> groups, bool accumulate,
                    float* c) {
  const auto full = tile_for<ScatteredTile>(kTileRows, s.n);
  for (const ScatteredRows& group : groups) {
    // An empty sum is zero, and adds nothing.
    if (!accumulate || !group.terms.empty()) {
      const auto rows = group.m == kTileRows ? full : tile_for<ScatteredTile>(group.m, s.n);
      rows(s, group.terms, accumulate, c);
    }
    c += kTileRows * s.c_row;
  }
}

void pack_columns(bool transposed, std::int64_t rows, std::int64_t columns, const float* b,
                  std::int64_t stride, float* to, std::int64_t tile) {
  const std::int64_t padded = round_up(columns, kUnit);
  for (std::int64_t c = 0; c < padded; c += tile) {
    const std::int64_t width = std::min(tile, padded - c), live = std::min(width, columns - c);
    float* packed = to + c * rows;
    // Whole blocks by registers, the rest one by one.
    const std::int64_t block_rows = transposed ? rows / kLanes * kLanes : 0;
    const std::int64_t block_columns = transposed ? live / kLanes * kLanes : 0;
    if (block_rows > 0 && block_columns > 0) {
      transpose_blocks(block_columns, block_rows, b + c * stride, stride, packed, width);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      float* out = packed + r * width;
      if (!transposed) {
        std::copy_n(b + r * stride + c, live, out);
      } else {
        const std::int64_t done = r < block_rows ? block_columns : 0;
        for (std::int64_t i = done; i < live; ++i) out[i] = b[(c + i) * stride + r];
      }
      std::fill(out + live, out + width, 0.0f);
    }
  }
}

void transpose(Vec (&rows)[kLanes]) {
  constexpr auto kEach = std::make_integer_sequence<int, kLanes>{};
  exchange<1>(rows, kEach);
  exchange<2>(rows, kEach);
  if constexpr (kLanes > 4) exchange<4>(rows, kEach);
  if constexpr (kLanes > 8) exchange<8>(rows, kEach);
}

void transpose_blocks(std::int64_t rows, std::int64_t columns, const float* from,
                      std::int64_t from_row, float* to, std::int64_t to_row) {
  for (std::int64_t r = 0; r < rows; r += kLanes) {
    for (std::int64_t c = 0; c < columns; c += kLanes) {
      Vec block[kLanes];
      for (std::int64_t i = 0; i < kLanes; ++i) block[i] = load(from + (r + i) * from_row + c);
      transpose(block);
      for (std::int64_t i = 0; i < kLanes; ++i) store(block[i], to + (c + i) * to_row + r);
    }
  }
}

}  // namespace frost
