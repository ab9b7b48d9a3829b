#include "engine/optim/lr_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/errors.h"

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

TEST(LrSchedule, LinearToZeroIsTheAnnealingOfPublishedBaselines) {
  const LrSchedule schedule{LrSchedule::Kind::kLinear, 0, 977, 0.0};
  EXPECT_DOUBLE_EQ(2.5e-4 * schedule.factor(0), 2.5e-4);
  for (const std::int64_t update : {1, 488, 976}) {
    EXPECT_DOUBLE_EQ(schedule.factor(update), 1.0 - static_cast<double>(update) / 977) << update;
  }
  EXPECT_EQ(schedule.factor(977), 0.0);
}

TEST(KlAdaptation, RatesMoveByOneAndAHalfOutsideAFactorOfTwo) {
  const KlAdaptation a{0.01, 1e-5, 1e-2};
  EXPECT_DOUBLE_EQ(a.next_rate(3e-4, 0.0201), 2e-4);
  EXPECT_EQ(a.next_rate(3e-4, 0.02), 3e-4);
  EXPECT_EQ(a.next_rate(3e-4, 0.005), 3e-4);
  EXPECT_DOUBLE_EQ(a.next_rate(3e-4, 0.0049), 4.5e-4);
  EXPECT_EQ(a.next_rate(3e-4, 0.0), 3e-4) << "no divergence at all says nothing";
  EXPECT_EQ(a.next_rate(1.2e-5, 1.0), 1e-5);
  EXPECT_EQ(a.next_rate(8e-3, 0.001), 1e-2);
}

/// A group without tensors: the rates depend on name and base rate alone.
std::vector<ParamGroup> groups() {
  return {{"backbone", 1e-4, {}}, {"heads", 3e-4, {}}};
}

TEST(LearningRates, AGroupFollowsItsOwnScheduleAndTheOthersTheCommonOne) {
  const LearningRates rates({LrSchedule::Kind::kLinear, 0, 100, 0.0},
                            {{"backbone", {LrSchedule::Kind::kConstant, 10, 100, 0.1}}}, {});
  EXPECT_DOUBLE_EQ(rates.factor("heads", 25), 0.75);
  EXPECT_DOUBLE_EQ(rates.factor("backbone", 4), 0.5);
  EXPECT_DOUBLE_EQ(rates.factor("backbone", 25), 1.0);
}

TEST(LearningRates, OnlyAdaptiveGroupsBehindTheirWarmUpMove) {
  LearningRates rates({LrSchedule::Kind::kKlAdaptive, 2, 100, 0.1},
                      {{"backbone", {LrSchedule::Kind::kConstant, 0, 100, 0.1}}},
                      {0.01, 1e-5, 4e-4});
  rates.adapt(groups(), 0, 0.001);
  EXPECT_DOUBLE_EQ(rates.factor("heads", 0), 0.5) << "the warm-up alone";
  rates.adapt(groups(), 2, 0.05);
  EXPECT_DOUBLE_EQ(3e-4 * rates.factor("heads", 3), 2e-4);
  for (int update = 3; update < 6; ++update) rates.adapt(groups(), update, 0.001);
  EXPECT_DOUBLE_EQ(3e-4 * rates.factor("heads", 6), 4e-4) << "the upper bound";
  EXPECT_EQ(rates.factor("backbone", 6), 1.0);
}

TEST(LearningRates, ACheckpointRestoresThemToTheBit) {
  const LrSchedule adaptive{LrSchedule::Kind::kKlAdaptive, 0, 100, 0.1};
  LearningRates rates(adaptive, {}, {}), restored(adaptive, {}, {});
  for (int update = 0; update < 5; ++update) rates.adapt(groups(), update, update < 3 ? 1 : 1e-4);
  StateDict state;
  rates.save(state);
  restored.load(state);
  for (const char* group : {"backbone", "heads"}) {
    EXPECT_NE(rates.factor(group, 9), 1.0);
    EXPECT_EQ(restored.factor(group, 9), rates.factor(group, 9));
  }
  LearningRates constant({LrSchedule::Kind::kConstant, 0, 100, 0.1}, {}, {});
  constant.load(state);
  EXPECT_EQ(constant.factor("heads", 9), 1.0) << "a run resumed under another kind";
  for (const std::vector<double>& damaged : {std::vector<double>{}, {-1.0}, {NAN}, {1.0, 1.0}}) {
    state["lr.heads"] = HostTensor::from_doubles(damaged);
    EXPECT_EQ(error_of([&] { restored.load(state); }),
              "checkpoint tensor 'lr.heads' is damaged: a learning rate has one factor, finite and "
              "above 0");
    EXPECT_EQ(restored.factor("heads", 9), rates.factor("heads", 9)) << "nothing has changed";
  }
}

}  // namespace
}  // namespace frost
