#include "tools/runs/step_rates.h"

#include <gtest/gtest.h>

namespace frost {
namespace {

TEST(StepRates, AreOfTheTwoHalvesAndOfBoth) {
  const StepRates rates = step_rates(600, {.collect_seconds = 2, .learn_seconds = 1});
  EXPECT_EQ(rates.collect, 300);
  EXPECT_EQ(rates.update, 600);
  EXPECT_EQ(rates.overall, 200);
}

TEST(StepRates, AForecastIsInTheUnitThatReadsBest) {
  const auto forecast = [](double per_second, std::int64_t steps) {
    return forecast_text({3 * per_second, 1.5 * per_second, per_second}, steps);
  };
  EXPECT_EQ(forecast(410, 200'000),
            "about 410 steps/s (collecting 1,230, learning 615); 200,000 steps in about 8 minutes");
  EXPECT_EQ(forecast(2.5, 100),
            "about 2.5 steps/s (collecting 7.5, learning 3.8); 100 steps in about 40 seconds");
  const auto time = [&](std::int64_t steps) {
    const std::string text = forecast(1000, steps);
    return text.substr(text.find("about", 6) + 6);
  };
  EXPECT_EQ(time(10), "a second");
  EXPECT_EQ(time(119'000), "119 seconds");
  EXPECT_EQ(time(120'000), "2 minutes");
  EXPECT_EQ(time(9'000'000), "2.5 hours");
  EXPECT_EQ(time(432'000'000), "5.0 days");
}

TEST(SpeedMeter, TellsOnceBehindTheFirstUpdateAndOfFiveSeconds) {
  SpeedMeter meter;
  EXPECT_FALSE(meter.add(100, {.collect_seconds = 60, .learn_seconds = 60}));
  EXPECT_FALSE(meter.add(100, {.collect_seconds = 1, .learn_seconds = 1}));
  EXPECT_FALSE(meter.add(100, {.collect_seconds = 1, .learn_seconds = 1.5}));
  const std::optional<StepRates> rates =
      meter.add(100, {.collect_seconds = 1, .learn_seconds = 0.5});
  ASSERT_TRUE(rates);
  EXPECT_EQ(rates->collect, 100);
  EXPECT_EQ(rates->update, 100);
  EXPECT_EQ(rates->overall, 50);
  EXPECT_FALSE(meter.add(100, {.collect_seconds = 9, .learn_seconds = 9}));
}

TEST(SpeedMeter, ALongUpdateIsEnough) {
  SpeedMeter meter;
  EXPECT_FALSE(meter.add(64, {.collect_seconds = 20, .learn_seconds = 20}));
  EXPECT_TRUE(meter.add(64, {.collect_seconds = 20, .learn_seconds = 20}));
}

}  // namespace
}  // namespace frost
