#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/ops.h"
#include "kernels/backend_registry.h"

namespace frost {
namespace {

TEST(Tanh, KeepsItsDigitsAtEveryMagnitude) {
  std::vector<float> x;
  for (double magnitude = 0x1p-100; magnitude < 0x1p100; magnitude *= 1.03) {
    x.push_back(static_cast<float>(magnitude));
    x.push_back(static_cast<float>(-magnitude));
  }
  const auto n = static_cast<std::int64_t>(x.size());
  const std::vector<float> y = tanh(Tensor::from_host(cpu_backend(), {n}, x)).to_host();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = std::tanh(static_cast<double>(x[i]));
    ASSERT_NEAR(y[i], expected, 2e-7 * std::abs(expected)) << x[i];
  }
}

TEST(Tanh, HasTheLimitsAndPassesNanOn) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float x[] = {kInfinity, -kInfinity, 0.0f, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> y = tanh(Tensor::from_host(cpu_backend(), {4}, x)).to_host();
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], -1.0f);
  EXPECT_EQ(y[2], 0.0f);
  EXPECT_TRUE(std::isnan(y[3]));
}

}  // namespace
}  // namespace frost
