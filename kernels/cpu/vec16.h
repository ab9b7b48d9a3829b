#pragma once

#include <cstdint>

namespace frost {

/// Vectors of 16 floats: one register with AVX-512, several without.
using Vec16 = float __attribute__((vector_size(64)));
constexpr int kLanes = 16;

inline Vec16 load16(const float* p) {
  Vec16 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store16(const Vec16& v, float* p) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// Sum of a[i] * b[i] in double, in a fixed order.
inline double dot(std::int64_t n, const float* a, const float* b) {
  using Float8 = float __attribute__((vector_size(32)));
  using Double8 = double __attribute__((vector_size(64)));
  constexpr int kWidth = 8, kChains = 4;
  const auto load = [](const float* p) {
    Float8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, Double8);
  };
  Double8 sums[kChains] = {};
  std::int64_t i = 0;
  for (; i + kWidth * kChains <= n; i += kWidth * kChains) {
    for (int j = 0; j < kChains; ++j) {
      sums[j] += load(a + i + j * kWidth) * load(b + i + j * kWidth);
    }
  }
  const Double8 lanes = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double sum = 0;
  for (int lane = 0; lane < kWidth; ++lane) sum += lanes[lane];
  for (; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace frost
