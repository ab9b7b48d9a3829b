#include "tests/gpu_double/rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace frost::gpu_double {
namespace {

TEST(KeepBits, RoundsToTheNearestTiesToEven) {
  constexpr float kStep = 1.0f / 1024;
  const auto tf32 = [](float x) { return keep_bits(x, kTf32Bits); };
  EXPECT_EQ(tf32(1 + kStep), 1 + kStep);
  EXPECT_EQ(tf32(1 + kStep / 2), 1.0f);
  EXPECT_EQ(tf32(-1 - kStep * 1.5f), -1 - 2 * kStep);
  EXPECT_EQ(tf32(1 + kStep * 0.5001f), 1 + kStep);
  EXPECT_EQ(tf32(std::numeric_limits<float>::max()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(tf32(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(keep_bits(1 + kStep / 3, kFloatBits), 1 + kStep / 3) << "nothing is dropped";
}

}  // namespace
}  // namespace frost::gpu_double
