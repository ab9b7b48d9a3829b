#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

// Everything below kernels/cpu is compiled once per instruction level (kernels/cpu_levels.h). What
// a level decides is here: the width of a vector and the rows of a tile of registers.
namespace frost {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kTileRows = 6;
constexpr std::int64_t kTile = 64;  // 6 x 4 accumulators of 32 registers
#elif defined(__AVX2__)
constexpr int kLanes = 8, kTileRows = 6;
constexpr std::int64_t kTile = 16;  // 6 x 2 of 16
#elif defined(__ARM_NEON)
constexpr int kLanes = 4, kTileRows = 6;
constexpr std::int64_t kTile = 16;  // 6 x 4 of 32
#else
constexpr int kLanes = 4, kTileRows = 3;
constexpr std::int64_t kTile = 16;  // 3 x 4 of 16
#endif

/// Channels are computed in multiples of this on every level, so that all choose the same kernels.
constexpr std::int64_t kUnit = 16;

/// As many floats as one register holds.
using Vec = float __attribute__((vector_size(4 * kLanes)));

inline Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(const Vec& v, float* p) {
  __builtin_memcpy(p, &v, sizeof v);
}
inline Vec broadcast(float value) {
  return value - Vec{};
}

/// a * b + c, rounded once where the level has the instruction. The compiler is told never to fuse
/// by itself (-ffp-contract=off), so equal formulas give equal bits on all such levels.
inline Vec fused(const Vec& a, const Vec& b, const Vec& c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_fmadd_ps(
      reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vec>(_mm256_fmadd_ps(
      reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#elif defined(__ARM_NEON)
  return reinterpret_cast<Vec>(vfmaq_f32(reinterpret_cast<float32x4_t>(c),
                                         reinterpret_cast<float32x4_t>(a),
                                         reinterpret_cast<float32x4_t>(b)));
#else
  return a * b + c;
#endif
}

/// Calls fn(i) for constant i = 0 .. kCount-1, unrolled early enough for arrays to be registers.
template <int kCount, class Fn>
[[gnu::always_inline]] inline void unrolled(const Fn& fn) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (fn(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}

/// Sum of a[i] * b[i] in double, in a fixed order.
inline double dot(std::int64_t n, const float* a, const float* b) {
  using Float8 = float __attribute__((vector_size(32)));
  using Double8 = double __attribute__((vector_size(64)));
  constexpr int kWidth = 8, kChains = 4;
  const auto widened = [](const float* p) __attribute__((always_inline)) {
    Float8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, Double8);
  };
  Double8 sums[kChains] = {};
  std::int64_t i = 0;
  for (; i + kWidth * kChains <= n; i += kWidth * kChains) {
    for (int j = 0; j < kChains; ++j) {
      sums[j] += widened(a + i + j * kWidth) * widened(b + i + j * kWidth);
    }
  }
  const Double8 lanes = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double sum = 0;
  for (int lane = 0; lane < kWidth; ++lane) sum += lanes[lane];
  for (; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace frost
