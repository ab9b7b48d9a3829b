#pragma once

#include <cstdint>
#include <span>

#include "kernels/cpu/simd.h"
#include "kernels/round_up.h"

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

/// At most kTileRows rows of results and their addends.
struct ScatteredRows {
  std::int64_t m;
  std::span<const ScatteredTerm> terms;
};

/// Sizes and strides of one tile of columns with scattered rows: n is at most kTile. A element
/// (r, j) is at rows[r][j * a_column], B and C elements as above; `a_offset` and `b_offset` are
/// added to the pointers of every term.
struct ScatteredShape {
  std::int64_t n, k;
  std::int64_t a_column, b_row, c_row;
  std::int64_t a_offset = 0, b_offset = 0;
};

/// The same for groups of rows: group g goes to the rows of C from g * kTileRows on.
void scattered_gemm(const ScatteredShape& shape, std::span<const ScatteredRows> groups,
                    bool accumulate, float* c);

/// Packs op(B) [rows, columns] in tiles of `tile` columns, each [rows, width], zeros filling the
/// last up to a multiple of 16 columns: TiledColumns where `tile` is kTile. Element (r, c) of op(B)
/// is at r * stride + c, or c * stride + r where `transposed`.
void pack_columns(bool transposed, std::int64_t rows, std::int64_t columns, const float* b,
                  std::int64_t stride, float* to, std::int64_t tile = kTile);

/// Element (i, j) of kLanes registers becomes element (j, i).
void transpose(Vec (&rows)[kLanes]);

/// to[c][r] = from[r][c] for rows and columns in multiples of kLanes.
void transpose_blocks(std::int64_t rows, std::int64_t columns, const float* from,
                      std::int64_t from_row, float* to, std::int64_t to_row);

}  // namespace frost
