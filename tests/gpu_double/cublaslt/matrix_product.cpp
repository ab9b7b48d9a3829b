#include "tests/gpu_double/cublaslt/matrix_product.h"

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/bfloat16.h"
#include "tests/gpu_double/rounding.h"

namespace frost::gpu_double {
namespace {

/// A tile of D is kTile x kTile sums, which the registers of any x86-64 hold.
constexpr std::int64_t kTile = 4;
using Tile = std::array<double, kTile * kTile>;

/// op(A) by rows or op(B) by columns, in panels of kTile of them: panel [k][kTile]. What a last
/// panel lacks is zeros.
struct Panels {
  std::vector<double> values;
  std::int64_t k;

  const double* panel(std::int64_t i) const { return values.data() + i * k * kTile; }
};

/// Packs x(line, j) = source[line * line_stride + j * step], for `lines` lines of k numbers.
template <class T, class Convert>
Panels pack(const T* source, std::int64_t lines, std::int64_t line_stride, std::int64_t k,
            std::int64_t step, const Convert& convert) {
  const std::int64_t panels = (lines + kTile - 1) / kTile;
  Panels packed{std::vector<double>(static_cast<std::size_t>(panels * k * kTile)), k};
  for (std::int64_t line = 0; line < lines; ++line) {
    double* to = packed.values.data() + (line / kTile * k) * kTile + line % kTile;
    const T* from = source + line * line_stride;
    for (std::int64_t j = 0; j < k; ++j) to[j * kTile] = convert(from[j * step]);
  }
  return packed;
}

/// `by_column`: whether a line is a column of the matrix as it lies in memory.
Panels pack(const MatrixView& matrix, Operand operand, bool by_column, std::int64_t lines,
            std::int64_t k) {
  const std::int64_t line_stride = by_column ? matrix.ld : 1, step = by_column ? 1 : matrix.ld;
  const auto packed = [&](const auto* source, const auto& convert) {
    return pack(source, lines, line_stride, k, step, convert);
  };
  if (operand == Operand::kBfloat16) {
    return packed(static_cast<const std::uint16_t*>(matrix.data), bfloat16_to_float);
  }
  const auto* source = static_cast<const float*>(matrix.data);
  if (operand == Operand::kTf32) {
    return packed(source, [](float x) { return keep_bits(x, kTf32Bits); });
  }
  return packed(source, [](float x) { return x; });
}

/// Column-major.
Tile multiply(const double* a, const double* b, std::int64_t k) {
  Tile sums{};
  for (std::int64_t j = 0; j < k; ++j, a += kTile, b += kTile) {
    for (std::size_t column = 0; column < kTile; ++column) {
      for (std::size_t row = 0; row < kTile; ++row) {
        sums[column * kTile + row] += a[row] * b[column];
      }
    }
  }
  return sums;
}

}  // namespace

void MatrixProduct::run() const {
  const Panels left = pack(a, operand, transpose_a, m, k);
  const Panels right = pack(b, operand, !transpose_b, n, k);
  for (std::int64_t column = 0; column < n; column += kTile) {
    for (std::int64_t row = 0; row < m; row += kTile) {
      const Tile sums = multiply(left.panel(row / kTile), right.panel(column / kTile), k);
      for (std::int64_t j = column; j < std::min(n, column + kTile); ++j) {
        for (std::int64_t i = row; i < std::min(m, row + kTile); ++i) {
          const double sum = sums[static_cast<std::size_t>((j - column) * kTile + i - row)];
          const std::int64_t at = i + j * ldc;
          const double old = beta == 0.0f ? 0.0 : static_cast<double>(beta) * c[at];
          d[at] = static_cast<float>(alpha * sum + old);
        }
      }
    }
  }
}

}  // namespace frost::gpu_double
