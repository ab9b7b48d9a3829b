#include "rl/envs/durotaxis/substrate.h"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/errors.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

namespace frost {
namespace {

using Kind = SubstrateConfig::Kind;

TEST(Substrate, LinearFieldHasTheDocumentedValues) {
  const Substrate field = linear_field();
  EXPECT_DOUBLE_EQ(field.intensity(-3.7), 1.0);
  EXPECT_DOUBLE_EQ(field.intensity(-0.5), 1.0);
  EXPECT_DOUBLE_EQ(field.intensity(0.99), 1.0);
  EXPECT_DOUBLE_EQ(field.intensity(1), 1.05);
  EXPECT_DOUBLE_EQ(field.intensity(19.9), 1.95);
  EXPECT_DOUBLE_EQ(field.intensity(100), 6.0);
  EXPECT_DOUBLE_EQ(field.intensity(199.9), 10.95);
  EXPECT_DOUBLE_EQ(field.intensity(250), 10.95);
  EXPECT_DOUBLE_EQ(field.max_intensity(), 10.95);
}

TEST(Substrate, ExponentialFieldHasTheDocumentedValues) {
  const Substrate field(field_config(0.05, Kind::kExponential));
  EXPECT_NEAR(field.intensity(1), 1.0512710964, 1e-10);
  EXPECT_NEAR(field.intensity(19.9), 2.5857096593, 1e-10);
  EXPECT_NEAR(field.intensity(100), 148.4131591026, 1e-10);
  EXPECT_NEAR(field.intensity(250), 20952.2223817787, 1e-9);
  EXPECT_DOUBLE_EQ(field.max_intensity(), field.intensity(199));
}

TEST(Substrate, FallingFieldHasItsMaximumOnTheLeft) {
  EXPECT_DOUBLE_EQ(linear_field(-0.005).max_intensity(), 1.0);
}

TEST(Substrate, RefusesWhatIsNoField) {
  EXPECT_THROW(Substrate(field_config(0.05, Kind::kRandom)), UsageError);
  SubstrateConfig config = field_config(0.05, Kind::kLinear);
  config.width = 7;
  EXPECT_THROW(Substrate{config}, UsageError);
  config = field_config(10.0, Kind::kExponential);
  EXPECT_THROW(Substrate{config}, UsageError);  // overflows
  config = field_config(std::numeric_limits<double>::quiet_NaN(), Kind::kLinear);
  EXPECT_THROW(Substrate{config}, UsageError);
  config = field_config(0.0, Kind::kLinear);
  config.b = 0.0;
  EXPECT_THROW(Substrate{config}, UsageError);
}

TEST(Substrate, RandomFieldStaysInItsRangesAndTakesBothKinds) {
  int linear = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomStream stream(seed, StreamPurpose::kField);
    const SubstrateConfig drawn = resolve_field(field_config(7.0, Kind::kRandom), stream);
    const bool is_linear = drawn.kind == Kind::kLinear;
    linear += is_linear;
    const auto m = is_linear ? drawn.linear_m : drawn.exponential_m;
    const auto b = is_linear ? drawn.linear_b : drawn.exponential_b;
    EXPECT_GE(drawn.m, m.low);
    EXPECT_LE(drawn.m, m.high);
    EXPECT_GE(drawn.b, b.low);
    EXPECT_LE(drawn.b, b.high);
  }
  EXPECT_NEAR(linear, 200, 50);  // five standard deviations
}

TEST(Substrate, ConcreteFieldDrawsNothing) {
  RandomStream stream(1, StreamPurpose::kField);
  const SubstrateConfig config = resolve_field(field_config(0.03, Kind::kExponential), stream);
  EXPECT_EQ(stream.position(), 0u);
  EXPECT_EQ(config.kind, Kind::kExponential);
  EXPECT_EQ(config.m, 0.03);
}

}  // namespace
}  // namespace frost
