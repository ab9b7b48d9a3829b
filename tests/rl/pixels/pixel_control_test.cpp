#include "rl/envs/pixels/pixel_control.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "kernels/errors.h"
#include "rl/environment_registry.h"
#include "rl/envs/control/classic_control.h"
#include "rl/vector_environment.h"
#include "tests/rl/pixels/pixel_pictures.h"

namespace frost {
namespace {

struct Cousins {
  const char *pixels, *vector;
};

class PixelControlTest : public testing::TestWithParam<Cousins> {
 protected:
  std::unique_ptr<Environment> pixels_ = find_environment(GetParam().pixels)();
  std::unique_ptr<Environment> vector_ = find_environment(GetParam().vector)();
  RandomStream stream_{3, StreamPurpose::kSampling};

  const std::vector<double>& state() const {
    return dynamic_cast<const PixelControl&>(*pixels_).state();
  }
  const std::vector<double>& vector_state() const {
    return dynamic_cast<const ControlEnvironment&>(*vector_).state();
  }
};

TEST_P(PixelControlTest, EveryStepIsThatOfTheVectorEnvironment) {
  EXPECT_EQ(pixels_->spec().time_limit, vector_->spec().time_limit);
  for (const int limit : {pixels_->spec().time_limit, 30}) {
    pixels_->limit_time(limit);
    vector_->limit_time(limit);
    EXPECT_EQ(pixels_->spec().time_limit, limit);
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      pixels_->reset(seed);
      vector_->reset(seed);
      for (bool done = false; !done;) {
        ASSERT_EQ(state(), vector_state());
        const Action action = random_action(vector_->spec().actions, stream_);
        const StepResult seen = pixels_->step(action), expected = vector_->step(action);
        ASSERT_EQ(seen.reward, expected.reward);
        ASSERT_EQ(seen.terminated, expected.terminated);
        ASSERT_EQ(seen.truncated, expected.truncated);
        ASSERT_EQ(pixels_->progress(), vector_->progress());
        done = expected.done();
      }
      EXPECT_LE(pixels_->episode_steps(), limit);
    }
  }
}

TEST_P(PixelControlTest, ThePictureShowsPositionsAndNoVelocity) {
  // What a position may change by without being seen: under two steps at a slow pace.
  const std::map<std::string, std::vector<double>> positions = {
      {"PixelCartPole", {0.02, 0, 0.005, 0}},
      {"PixelPendulum", {0.01, 0}},
      {"PixelAcrobot", {0.01, 0.01, 0, 0}},
      {"PixelMountainCar", {0.004, 0}}};
  auto& drawn = dynamic_cast<PixelControl&>(*pixels_);
  const std::vector<double> shift = positions.at(GetParam().pixels);
  drawn.reset(1);
  const std::vector<double> from = drawn.state();
  const Pixels before = picture_of(drawn);
  for (std::size_t i = 0; i < shift.size(); ++i) {
    std::vector<double> to = from;
    to[i] += shift[i] == 0 ? 0.05 : shift[i];
    drawn.start(to, 1);
    if (shift[i] == 0) {
      EXPECT_EQ(picture_of(drawn), before) << i;
    } else {
      EXPECT_GT(difference(picture_of(drawn), before), 500) << i;
    }
  }
}

TEST_P(PixelControlTest, TheRowOfAStateIsWhatTheVectorEnvironmentObserves) {
  pixels_->reset(4);
  vector_->reset(4);
  const Observation observed = vector_->observe();
  const std::vector<float>& values = std::get<VectorObservation>(observed).values;
  const std::vector<std::string> row = pixels_->state_row();
  ASSERT_EQ(row.size(), pixels_->spec().state_columns.size());
  ASSERT_EQ(row.size(), values.size());
  for (std::size_t i = 0; i < row.size(); ++i) EXPECT_EQ(std::stof(row[i]), values[i]);
}

TEST_P(PixelControlTest, AnUnknownPolicyIsRefusedWithTheNameOfTheKnownOne) {
  pixels_->reset(1);
  try {
    pixels_->scripted_action("best", stream_);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(pixels_->spec().scripted_policies.at(0)),
              std::string::npos);
  }
}

TEST_P(PixelControlTest, BeforeTheFirstEpisodeThereIsNoPicture) {
  EXPECT_THROW(pixels_->observe(), Error);
  EXPECT_THROW(pixels_->render({}), Error);
}

INSTANTIATE_TEST_SUITE_P(All, PixelControlTest,
                         testing::Values(Cousins{"PixelCartPole", "CartPole-v1"},
                                         Cousins{"PixelPendulum", "Pendulum-v1"},
                                         Cousins{"PixelAcrobot", "Acrobot-v1"},
                                         Cousins{"PixelMountainCar", "MountainCar-v0"}),
                         [](const auto& info) { return std::string(info.param.pixels); });

/// Returns of the scripted policy over 20 episodes.
std::vector<double> scripted_returns(Environment& environment) {
  RandomStream stream(1, StreamPurpose::kSampling);
  std::vector<double> returns;
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    environment.reset(seed);
    returns.push_back(0);
    for (StepResult result; !result.done();) {
      result = environment.step(
          environment.scripted_action(environment.spec().scripted_policies.at(0), stream));
      returns.back() += result.reward[kTotal];
    }
  }
  return returns;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST(PixelPolicies, SolveTheirProblems) {
  PixelCartPole cart;
  for (const double earned : scripted_returns(cart)) EXPECT_EQ(earned, 500);
  PixelMountainCar car;
  for (const double earned : scripted_returns(car)) EXPECT_GE(earned, -130);
  PixelPendulum pendulum;
  EXPECT_GE(mean(scripted_returns(pendulum)), -200);
  PixelAcrobot acrobot;
  EXPECT_GE(mean(scripted_returns(acrobot)), -110);
}

constexpr Colour kCart{30, 60, 120}, kPole{210, 110, 40};

TEST(PixelPictures, TheCartAndItsPoleStandWhereTheStateSays) {
  PixelCartPole cart;
  cart.start({1.2, 0, 0.1, 0});
  const Blob box = blob_of(picture_of(cart), kCart), pole = blob_of(picture_of(cart), kPole);
  EXPECT_NEAR(box.x, 42 + 12.5 * 1.2, 0.7);
  EXPECT_NEAR(box.count, 18 * 10, 50);  // less what the pole covers
  EXPECT_NEAR(pole.x, 57 + 26 * std::sin(0.1), 1);
  EXPECT_NEAR(pole.y, 68 - 26 * std::cos(0.1), 2);  // the axle covers its end
  cart.start({-1.2, 0, -0.1, 0});
  EXPECT_NEAR(blob_of(picture_of(cart), kPole).x, 27 - 26 * std::sin(0.1), 1);
}

TEST(PixelPictures, ThePendulumPointsUpAtZeroAndTurnsLeft) {
  constexpr Colour kBob{40, 80, 160};
  PixelPendulum pendulum;
  const auto bob = [&](double angle) {
    pendulum.start({angle, 0});
    return blob_of(picture_of(pendulum), kBob);
  };
  EXPECT_NEAR(bob(0).x, 42, 0.5);
  EXPECT_NEAR(bob(0).y, 12, 0.5);
  EXPECT_NEAR(bob(M_PI / 2).x, 12, 0.5);
  EXPECT_NEAR(bob(M_PI / 2).y, 42, 0.5);
  EXPECT_NEAR(bob(M_PI + 4 * M_PI).y, 72, 0.5);
}

TEST(PixelPictures, TheAcrobotEndsWhereItsTipPassesTheLine) {
  constexpr Colour kSecond{170, 60, 140};
  constexpr double kCovered = 3;  // by the elbow: the middle of what is left lies farther out
  PixelAcrobot acrobot;
  acrobot.start({0, 0, 0, 0});
  EXPECT_NEAR(blob_of(picture_of(acrobot), kSecond).x, 42, 0.5);
  EXPECT_NEAR(blob_of(picture_of(acrobot), kSecond).y, 42 + 1.5 * 19, kCovered);
  acrobot.start({M_PI / 2, 0, 0, 0});  // stretched out to the right
  EXPECT_NEAR(blob_of(picture_of(acrobot), kSecond).x, 42 + 1.5 * 19, kCovered);
  acrobot.start({M_PI / 2, M_PI / 2, 0, 0});  // the tip beside the line
  EXPECT_NEAR(blob_of(picture_of(acrobot), kSecond).y, 42 - 19 / 2.0, kCovered);
}

TEST(PixelPictures, TheCarRollsAlongItsHillToTheFlag) {
  constexpr Colour kCar{180, 50, 50}, kFlag{230, 140, 0};
  PixelMountainCar car;
  const auto at = [&](double position) {
    car.start({position, 0});
    return blob_of(picture_of(car), kCar);
  };
  const Blob bottom = at(-M_PI / 6), goal = at(0.5), left = at(-1.1);
  EXPECT_NEAR(bottom.x, 4 + 76 / 1.8 * (1.2 - M_PI / 6), 1);
  EXPECT_GT(bottom.y, goal.y + 30);
  EXPECT_GT(bottom.y, left.y + 15);
  EXPECT_GT(goal.x, blob_of(picture_of(car), kFlag).x);
}

TEST(PixelPictures, PeopleSeeAnEnlargedPictureWithACaption) {
  PixelCartPole cart;
  cart.reset(2);
  const RgbImage untitled = cart.render({}), titled = cart.render({nullptr, "balance", 3});
  EXPECT_EQ(untitled.width, 4 * 84);
  EXPECT_EQ(untitled.height, 4 * 84 + 36);
  EXPECT_EQ(untitled.pixels.size(), titled.pixels.size());
  EXPECT_NE(untitled.pixels, titled.pixels);
  cart.start({1, 0, 0, 0});
  EXPECT_NE(cart.render({}).pixels, untitled.pixels);
}

TEST(PixelPictures, AVectorOfEnvironmentsShowsThemAndTheStatesEpisodesWereCutIn) {
  VectorEnvironment environments(find_environment("PixelPendulum"), 2, 5);
  RandomStream stream(1, StreamPurpose::kSampling);
  const ActionSpace space = environments.spec().actions;
  std::vector<VectorStep> steps;
  for (int t = 0; t < 200; ++t) {
    steps = environments.step({random_action(space, stream), random_action(space, stream)});
  }
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(steps[i].result.truncated);
    const auto& cut = std::get<PictureObservation>(steps[i].final_observation);
    const auto& now = std::get<PictureObservation>(*environments.observations()[i]);
    EXPECT_EQ(cut.pixels.size(), 84U * 84U * 3U);
    EXPECT_NE(cut.pixels, now.pixels);
  }
}

}  // namespace
}  // namespace frost
