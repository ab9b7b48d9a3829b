#pragma once

#include <cstdint>
#include <span>

#include "kernels/cpu/simd.h"

// The matrix product below all others: tiles of registers over packed columns.
namespace frost {

/// Columns that one task works on: whole tiles on every level.
constexpr std::int64_t kPanel = 64;

/// How an operand of `rows` rows and `columns` columns (16, 32, 48 or 64) lies when packed: tiles
/// of `width` columns, each [rows, width].
struct TiledColumns {
  std::int64_t rows, width;

  TiledColumns(std::int64_t operand_rows, std::int64_t columns)
      : rows(operand_rows), width(columns < kTile ? columns : kTile) {}
  std::int64_t tile() const { return rows * width; }
  std::int64_t at(std::int64_t column) const { return column / width * tile() + column % width; }
};

/// One addend of a sum of products.
struct GemmTerm {
  const float* a;
  const float* b;
};

/// Sizes and strides, in floats, common to all addends: A element (r, j) is at
/// r * a_row + j * a_column, B element (j, c) at c / kTile * b_tile + j * b_row + c % kTile,
/// C element (r, c) at r * c_row + c.
struct PanelShape {
  std::int64_t m, n, k;
  std::int64_t a_row, a_column, b_row, b_tile, c_row;
};

/// C[m,n] (=|+=) sum over `terms` of A[m,k] B[k,n], on the calling thread; n is 16, 32, 48 or 64.
///
/// Every element is one chain of fused multiply-adds in the order of the terms, so its bits depend
/// neither on m nor on the level.
void panel_gemm(const PanelShape& shape, std::span<const GemmTerm> terms, bool accumulate,
                float* c);

/// One addend whose rows of A lie anywhere: row r begins at rows[r].
struct ScatteredTerm {
  const float* rows[kTileRows];
  const float* b;
};

/// Sizes and strides of one tile with scattered rows: m is at most kTileRows, n at most kTile.
/// A element (r, j) is at rows[r][j * a_column], B and C elements as above.
struct ScatteredShape {
  std::int64_t m, n, k;
  std::int64_t a_column, b_row, c_row;
};

/// The same for one tile: `a_offset` and `b_offset` are added to the pointers of every term.
void scattered_gemm(const ScatteredShape& shape, std::span<const ScatteredTerm> terms,
                    std::int64_t a_offset, std::int64_t b_offset, bool accumulate, float* c);

/// Packs op(B) [rows, columns] as TiledColumns, zeros filling up to a multiple of 16 columns.
/// Element (r, c) of op(B) is at r * stride + c, or c * stride + r where `transposed`.
void pack_columns(bool transposed, std::int64_t rows, std::int64_t columns, const float* b,
                  std::int64_t stride, float* to);

/// Element (i, j) of kLanes registers becomes element (j, i).
void transpose(Vec (&rows)[kLanes]);

/// to[c][r] = from[r][c] for rows and columns in multiples of kLanes.
void transpose_blocks(std::int64_t rows, std::int64_t columns, const float* from,
                      std::int64_t from_row, float* to, std::int64_t to_row);

}  // namespace frost
