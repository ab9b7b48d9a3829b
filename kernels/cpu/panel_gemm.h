#pragma once

#include <cstdint>
#include <span>

#include "kernels/cpu/vec16.h"

namespace frost {

/// Columns of one panel: as many as the register tile holds.
constexpr std::int64_t kPanel = 64;

/// One addend of a sum of products.
struct GemmTerm {
  const float* a;
  const float* b;
};

/// Sizes and strides, in floats, common to all addends: A element (r, j) is at
/// r * a_row + j * a_column, B element (j, c) at j * b_row + c, C element (r, c) at r * c_row + c.
struct PanelShape {
  std::int64_t m, n, k;
  std::int64_t a_row, a_column, b_row, c_row;
};

/// C[m,n] (=|+=) sum over `terms` of A[m,k] B[k,n], on the calling thread; n is 16, 32, 48 or 64.
///
/// Every element is one chain of fused multiply-adds in the order of the terms, so its bits do not
/// depend on m.
void panel_gemm(const PanelShape& shape, std::span<const GemmTerm> terms, bool accumulate,
                float* c);

/// Element (i, j) of sixteen registers becomes element (j, i).
void transpose16(Vec16 (&rows)[kLanes]);

/// to[c][r] = from[r][c] for rows and columns in multiples of 16.
void transpose_blocks(std::int64_t rows, std::int64_t columns, const float* from,
                      std::int64_t from_row, float* to, std::int64_t to_row);

}  // namespace frost
