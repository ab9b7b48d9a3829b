#include "kernels/bfloat16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace frost {
namespace {

float from_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

TEST(Bfloat16, RoundsToNearestAndTiesToEven) {
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    const char* what;
    float x;
    std::uint16_t bits;
  } table[] = {
      {"zero", 0.0f, 0x0000},
      {"minus zero", -0.0f, 0x8000},
      {"one", 1.0f, 0x3f80},
      {"below half a step above one", from_bits(0x3f807fff), 0x3f80},
      {"a tie above an even number", from_bits(0x3f808000), 0x3f80},
      {"above that tie", from_bits(0x3f808001), 0x3f81},
      {"a tie above an odd number", from_bits(0x3f818000), 0x3f82},
      {"the same below zero", from_bits(0xbf818000), 0xbf82},
      {"a carry into the exponent", from_bits(0x3fffffff), 0x4000},
      {"the largest bfloat16", from_bits(0x7f7f0000), 0x7f7f},
      {"still the largest", from_bits(0x7f7f7fff), 0x7f7f},
      {"a tie that overflows", from_bits(0x7f7f8000), 0x7f80},
      {"the largest float", std::numeric_limits<float>::max(), 0x7f80},
      {"its negative", std::numeric_limits<float>::lowest(), 0xff80},
      {"infinity", infinity, 0x7f80},
      {"minus infinity", -infinity, 0xff80},
      {"the smallest normal number", 0x1p-126f, 0x0080},
      {"the smallest subnormal bfloat16", 0x1p-133f, 0x0001},
      {"half of it, a tie above zero", 0x1p-134f, 0x0000},
      {"more than half of it", from_bits(0x00008001), 0x0001},
      {"the smallest subnormal float", std::numeric_limits<float>::denorm_min(), 0x0000},
      {"the largest subnormal float", from_bits(0x007fffff), 0x0080},
  };
  for (const auto& row : table) EXPECT_EQ(round_to_bfloat16(row.x), row.bits) << row.what;
}

TEST(Bfloat16, ANanStaysANanOfItsSign) {
  for (const std::uint32_t payload : {0x1u, 0x7fffu, 0x8000u, 0xffffu, 0x10000u, 0x7fffffu}) {
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      const std::uint16_t bits = round_to_bfloat16(from_bits(sign | 0x7f800000u | payload));
      EXPECT_TRUE(std::isnan(bfloat16_to_float(bits))) << payload;
      EXPECT_EQ(bits >> 15, sign >> 31) << payload;
    }
  }
}

/// The magnitude of a bfloat16 as a number, with infinity where the next number would be.
double magnitude(std::uint32_t bits) {
  return bits == 0x7f80 ? std::ldexp(1.0, 128)
                        : double{bfloat16_to_float(static_cast<std::uint16_t>(bits))};
}

TEST(Bfloat16, EqualsTheCloserNeighbourForEveryUpperHalf) {
  for (std::uint32_t upper = 0; upper < 0x7f80; ++upper) {
    for (const std::uint32_t lower : {0x0u, 0x1u, 0x1234u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float x = from_bits(upper << 16 | lower);
      const double down = double{x} - magnitude(upper), up = magnitude(upper + 1) - double{x};
      const std::uint32_t even = upper + (upper & 1);
      const std::uint32_t expected = down < up ? upper : up < down ? upper + 1 : even;
      ASSERT_EQ(round_to_bfloat16(x), expected) << std::hex << upper << ":" << lower;
      ASSERT_EQ(round_to_bfloat16(-x), expected | 0x8000u) << std::hex << upper << ":" << lower;
    }
  }
}

TEST(Bfloat16, WideningIsUndoneExactly) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto narrow = static_cast<std::uint16_t>(bits);
    const float wide = bfloat16_to_float(narrow);
    if (std::isnan(wide)) continue;
    ASSERT_EQ(round_to_bfloat16(wide), narrow);
  }
}

}  // namespace
}  // namespace frost
