#include <algorithm>
#include <memory>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// C[m,n] (=|+=) op(A) op(B), each element one chain over k in order, whatever way it is computed.
struct Product {
  bool transpose_a, transpose_b;
  std::int64_t m, n, k;
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  GradOut c;
  std::int64_t ldc;

  const float* a_at(std::int64_t r, std::int64_t j) const {
    return a + (transpose_a ? j * lda + r : r * lda + j);
  }
  const float* b_at(std::int64_t j, std::int64_t column) const {
    return b + (transpose_b ? column * ldb + j : j * ldb + column);
  }
};

constexpr std::int64_t kDepth = 4096 / kTile;  // rows of B that stay in the first cache

/// Memory that is written before it is read: clearing it would cost as much as a small product.
std::unique_ptr<float[]> scratch(std::int64_t floats) {
  return std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(floats));
}

/// One task: `m` rows and one panel of columns.
void panel_product(const Product& p, std::int64_t row, std::int64_t m, std::int64_t column) {
  const std::int64_t live = std::min(kPanel, p.n - column);
  const std::int64_t width = round_up(live, kUnit);
  // Columns that do not fill the registers go through a buffer.
  const bool whole = live == width;
  const auto buffer = whole ? nullptr : scratch(m * kPanel);
  // Rows that lie across are packed as well, in strips of whole tiles.
  const auto strips = p.transpose_a ? scratch(std::min(kDepth, p.k) * (m + kUnit)) : nullptr;
  float* c = whole ? p.c.data + row * p.ldc + column : buffer.get();
  const std::int64_t c_row = whole ? p.ldc : kPanel;
  bool add = whole && p.c.mode == GradMode::kAccumulate;
  alignas(64) float packed[kDepth * kPanel];
  for (std::int64_t j = 0; j < p.k; j += kDepth, add = true) {
    const std::int64_t depth = std::min(kDepth, p.k - j);
    pack_columns(p.transpose_b, depth, live, p.b_at(j, column), p.ldb, packed);
    const TiledColumns panel(depth, width);
    const float* a = p.a_at(row, j);
    if (!p.transpose_a) {
      const GemmTerm term{a, packed};
      panel_gemm({m, width, depth, p.lda, 1, panel.width, panel.tile(), c_row}, {&term, 1}, add, c);
      continue;
    }
    constexpr std::int64_t kStrip = 48;
    pack_columns(false, depth, m, a, p.lda, strips.get(), kStrip);
    for (std::int64_t r = 0; r < m; r += kStrip) {
      const std::int64_t strip = std::min(kStrip, round_up(m - r, kUnit));
      const GemmTerm term{strips.get() + r * depth, packed};
      panel_gemm({std::min(strip, m - r), width, depth, 1, strip, panel.width, panel.tile(), c_row},
                 {&term, 1}, add, c + r * c_row);
    }
  }
  if (whole) return;
  for (std::int64_t r = 0; r < m; ++r) {
    float* out = p.c.data + (row + r) * p.ldc + column;
    for (std::int64_t i = 0; i < live; ++i) store(c[r * kPanel + i], p.c.mode, out[i]);
  }
}

/// For few rows times a B that lies across, whose packing would cost more than the product: the
/// rows of B take the place of A's.
void few_rows_product(const Product& p) {
  const auto packed = scratch(p.k * kUnit);
  pack_columns(!p.transpose_a, p.k, p.m, p.a, p.lda, packed.get());
  constexpr std::int64_t kRows = 48;
  parallel_for((p.n + kRows - 1) / kRows, 2 * kRows * kUnit * p.k, [&](std::int64_t i) {
    const std::int64_t first = i * kRows, rows = std::min(kRows, p.n - first);
    alignas(64) float sums[kRows * kUnit];
    const GemmTerm term{p.b + first * p.ldb, packed.get()};
    panel_gemm({rows, kUnit, p.k, p.ldb, 1, kUnit, 0, kUnit}, {&term, 1}, false, sums);
    for (std::int64_t r = 0; r < p.m; ++r) {
      float* out = p.c.data + r * p.ldc + first;
      for (std::int64_t j = 0; j < rows; ++j) store(sums[j * kUnit + r], p.c.mode, out[j]);
    }
  });
}

class CpuMatrix final : public MatrixKernels {
 public:
  void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
            const float* a, std::int64_t lda, const float* b, std::int64_t ldb, GradOut c,
            std::int64_t ldc) override {
    if (m == 0 || n == 0) return;
    if (k == 0) {  // an empty sum
      if (c.mode == GradMode::kAccumulate) return;
      for (std::int64_t r = 0; r < m; ++r) std::fill_n(c.data + r * ldc, n, 0.0f);
      return;
    }
    const Product product{transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc};
    if (transpose_b && m <= kUnit) return few_rows_product(product);
    // Blocks of rows: few, since each packs its panel of B, but enough for all threads.
    constexpr std::int64_t kFewest = 48, kMost = 512;
    const std::int64_t panels = (n + kPanel - 1) / kPanel;
    const std::int64_t wanted = (thread_budget() + panels - 1) / panels;
    const std::int64_t blocks =
        std::max((m + kMost - 1) / kMost, std::min((m + kFewest - 1) / kFewest, wanted));
    const std::int64_t per_block = round_up((m + blocks - 1) / blocks, kTileRows);
    parallel_for(panels * blocks, 2 * per_block * kPanel * k, [&](std::int64_t i) {
      const std::int64_t row = i % blocks * per_block;
      if (row < m) panel_product(product, row, std::min(per_block, m - row), i / blocks * kPanel);
    });
  }
};

}  // namespace

std::unique_ptr<MatrixKernels> make_matrix(CpuBackend&) {
  return std::make_unique<CpuMatrix>();
}

}  // namespace frost
