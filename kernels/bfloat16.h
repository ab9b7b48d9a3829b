#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/host_device.h"

// bfloat16 is the upper half of a float32: its 8 exponent bits, and 7 of its mantissa bits.
namespace frost {

/// The nearest bfloat16, ties to even. What passes the largest becomes infinite, a NaN stays a NaN.
FROST_HOST_DEVICE inline std::uint16_t round_to_bfloat16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const std::uint32_t upper = bits >> 16;
  // The digits that tell a NaN from infinity may all lie in the lower half.
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(upper | 0x0040u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (upper & 1u)) >> 16);
}

/// Exact, subnormals, infinities and NaN included.
FROST_HOST_DEVICE inline float bfloat16_to_float(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float x;
  std::memcpy(&x, &wide, sizeof x);
  return x;
}

}  // namespace frost
