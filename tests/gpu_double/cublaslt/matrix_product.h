#pragma once

#include <cstdint>

namespace frost::gpu_double {

/// How the numbers of an operand lie in memory, or what they are rounded to before they meet.
enum class Operand { kFloat32, kTf32, kBfloat16 };

/// Where a column-major matrix lies: `ld` elements from column to column.
struct MatrixView {
  const void* data;
  std::int64_t ld;
};

/// D [m, n] = alpha op(A) [m, k] op(B) [k, n] + beta C [m, n]; C and D are float32, alike in
/// layout.
struct MatrixProduct {
  std::int64_t m, n, k;
  Operand operand;
  bool transpose_a, transpose_b;
  MatrixView a, b;
  std::int64_t ldc;
  const float* c;
  float* d;
  float alpha, beta;

  /// Sums in float64 and rounds once. C is not read where beta is 0; D may be C.
  void run() const;
};

}  // namespace frost::gpu_double
