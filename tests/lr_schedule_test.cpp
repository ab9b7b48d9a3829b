#include "engine/optim/lr_schedule.h"

#include <gtest/gtest.h>

namespace frost {
namespace {

TEST(LrSchedule, WarmUpIsALinearRampThatStartsAboveZero) {
  const LrSchedule schedule{LrSchedule::Kind::kConstant, 4, 100, 0.1};
  EXPECT_DOUBLE_EQ(schedule.factor(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule.factor(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(3), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(4), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(1000), 1.0);
}

TEST(LrSchedule, LinearDecayReachesItsFloorAndStaysThere) {
  const LrSchedule schedule{LrSchedule::Kind::kLinear, 0, 100, 0.2};
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(25), 0.8);
  EXPECT_DOUBLE_EQ(schedule.factor(50), 0.6);
  EXPECT_DOUBLE_EQ(schedule.factor(100), 0.2);
  EXPECT_DOUBLE_EQ(schedule.factor(5000), 0.2);
}

TEST(LrSchedule, CosineWithoutFloorHasTheKnownRates) {
  const LrSchedule schedule{LrSchedule::Kind::kCosine, 0, 500, 0.0};
  const auto rate = [&](std::int64_t update) { return 3e-4 * schedule.factor(update); };
  EXPECT_DOUBLE_EQ(rate(0), 3e-4);
  EXPECT_NEAR(rate(100), 2.71352549e-4, 1e-12);
  EXPECT_NEAR(rate(250), 1.5e-4, 1e-12);
  EXPECT_NEAR(rate(400), 2.86474508e-5, 1e-12);
  EXPECT_NEAR(rate(500), 0.0, 1e-18);
}

TEST(LrSchedule, CosineDoesNotRestartBehindItsEnd) {
  const LrSchedule schedule{LrSchedule::Kind::kCosine, 0, 500, 0.1};
  for (const std::int64_t update : {500, 750, 1000, 10'000}) {
    EXPECT_NEAR(schedule.factor(update), 0.1, 1e-15) << update;
  }
}

TEST(LrSchedule, DecayCountsFromTheEndOfTheWarmUp) {
  const LrSchedule schedule{LrSchedule::Kind::kCosine, 10, 110, 0.0};
  EXPECT_DOUBLE_EQ(schedule.factor(9), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(10), 1.0);
  EXPECT_NEAR(schedule.factor(60), 0.5, 1e-15);
  EXPECT_NEAR(schedule.factor(110), 0.0, 1e-15);
}

TEST(LrSchedule, NeverRisesOnceTheWarmUpIsOver) {
  for (const auto kind : {LrSchedule::Kind::kLinear, LrSchedule::Kind::kCosine}) {
    const LrSchedule schedule{kind, 5, 60, 0.1};
    for (std::int64_t update = 5; update < 80; ++update) {
      EXPECT_LE(schedule.factor(update + 1), schedule.factor(update)) << update;
      EXPECT_GE(schedule.factor(update), 0.1 - 1e-15) << update;
    }
  }
}

TEST(LrSchedule, AWarmUpAsLongAsTheRunEndsAtTheFloor) {
  const LrSchedule schedule{LrSchedule::Kind::kLinear, 10, 10, 0.1};
  EXPECT_DOUBLE_EQ(schedule.factor(9), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(11), 0.1);
}

}  // namespace
}  // namespace frost
