#pragma once

#include <bit>
#include <cstdint>

namespace frost::gpu_double {

/// Mantissa bits that are stored of a float, and those that other formats leave of them.
inline constexpr int kFloatBits = 23, kTf32Bits = 10, kBfloat16Bits = 7;

/// The nearest number with so many bits of mantissa, ties to even; infinities and NaN stay.
inline float keep_bits(float x, int bits) {
  const int dropped = kFloatBits - bits;
  const auto word = std::bit_cast<std::uint32_t>(x);
  if (dropped == 0 || (word & 0x7f800000u) == 0x7f800000u) return x;
  const std::uint32_t unit = 1u << dropped;
  const std::uint32_t odd = word >> dropped & 1u;
  return std::bit_cast<float>((word + unit / 2 - 1 + odd) & ~(unit - 1));
}

}  // namespace frost::gpu_double
