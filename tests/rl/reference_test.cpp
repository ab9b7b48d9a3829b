#include "rl/environment_registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/random.h"
#include "kernels/errors.h"
#include "rl/envs/control/classic_control.h"
#include "rl/envs/control/identity.h"

namespace frost {
namespace {

/// What is seen, as numbers: a vector, or pixels and the values beside them.
std::vector<float> observed(const Environment& environment) {
  const Observation seen = environment.observe();
  if (const auto* vector = std::get_if<VectorObservation>(&seen)) return vector->values;
  const auto& picture = std::get<PictureObservation>(seen);
  std::vector<float> all(picture.pixels.begin(), picture.pixels.end());
  all.insert(all.end(), picture.values.begin(), picture.values.end());
  return all;
}

int observed_size(const EnvironmentSpec& spec) {
  if (const auto* vector = std::get_if<VectorSpec>(&spec.observation)) return vector->size;
  const auto& picture = std::get<PictureSpec>(spec.observation);
  return picture.height * picture.width * picture.channels + picture.values;
}

class Reference : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Environment> environment_ = find_environment(GetParam())();
  RandomStream stream_{7, StreamPurpose::kSampling};
};

TEST_P(Reference, AnEpisodeIsAFunctionOfItsSeedAndActions) {
  const std::unique_ptr<Environment> twin = find_environment(GetParam())();
  std::set<std::vector<float>> starts;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    environment_->reset(seed);
    starts.insert(observed(*environment_));
  }
  EXPECT_GT(starts.size(), 2u);
  environment_->reset(3);
  twin->reset(3);
  for (bool done = false; !done;) {
    ASSERT_EQ(observed(*environment_), observed(*twin));
    ASSERT_EQ(static_cast<int>(observed(*twin).size()), observed_size(twin->spec()));
    const Action action = random_action(environment_->spec().actions, stream_);
    const StepResult result = environment_->step(action);
    ASSERT_EQ(result.reward, twin->step(action).reward);
    done = result.done();
  }
  EXPECT_EQ(environment_->episode_steps(), twin->episode_steps());
  EXPECT_THROW(environment_->step(random_action(environment_->spec().actions, stream_)), Error);
}

TEST_P(Reference, ARecordOfTheMiddleOfAnEpisodeGoesOnAsIfNeverStopped) {
  environment_->reset(5);
  for (int t = 0; t < 5; ++t) {
    environment_->step(random_action(environment_->spec().actions, stream_));
  }
  const std::unique_ptr<Environment> restored = find_environment(GetParam())();
  restored->load_state(environment_->save_state());
  for (bool done = false; !done;) {
    ASSERT_EQ(observed(*environment_), observed(*restored));
    ASSERT_EQ(environment_->progress(), restored->progress());
    const Action action = random_action(environment_->spec().actions, stream_);
    const StepResult expected = environment_->step(action), actual = restored->step(action);
    ASSERT_EQ(expected.reward, actual.reward);
    ASSERT_EQ(expected.ending_code(), actual.ending_code());
    done = expected.done();
  }
}

TEST_P(Reference, ADamagedRecordIsRefusedAndChangesNothing) {
  environment_->reset(5);
  const std::vector<std::uint8_t> good = environment_->save_state();
  for (const std::size_t byte :
       {std::size_t{0}, std::size_t{4}, std::size_t{12}, good.size() - 1}) {
    std::vector<std::uint8_t> bad = good;
    bad[byte] = 0x7f;  // of the last double it makes 1e308 or so
    EXPECT_THROW(environment_->load_state(bad), Error) << byte;
  }
  EXPECT_THROW(environment_->load_state({good.begin(), good.end() - 1}), Error);
  EXPECT_EQ(environment_->save_state(), good);
}

TEST_P(Reference, WhateverByteOfARecordChangesItIsRefusedOrCanBeSteppedFrom) {
  environment_->reset(5);
  const std::vector<std::uint8_t> good = environment_->save_state();
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    for (const int flip : {0x01, 0x10, 0x40, 0x80, 0xff}) {
      std::vector<std::uint8_t> changed = good;
      changed[byte] = static_cast<std::uint8_t>(changed[byte] ^ flip);
      try {
        environment_->load_state(changed);
      } catch (const Error&) {
        continue;
      }
      bool done = environment_->save_state()[8] == 0;  // the record of an ended episode
      for (int t = 0; t < 3 && !done; ++t) {
        const StepResult result =
            environment_->step(random_action(environment_->spec().actions, stream_));
        ASSERT_TRUE(std::isfinite(result.reward[kTotal])) << byte;
        done = result.done();
      }
    }
  }
}

TEST_P(Reference, AnActionThatDoesNotFitIsRefused) {
  environment_->reset(1);
  const ActionSpace space = environment_->spec().actions;
  const Action fits = random_action(space, stream_);
  Action more = fits;
  more.decisions.push_back(0);
  EXPECT_THROW(environment_->step(more), Error);
  more = fits;
  more.parameters.push_back(0);
  EXPECT_THROW(environment_->step(more), Error);
  EXPECT_THROW(environment_->step({}), Error);
  for (const std::int32_t wrong : {-1, space.choices}) {
    Action action = fits;
    if (!action.decisions.empty())
      action.decisions.back() = wrong;
    else
      action.parameters.back() = NAN;
    EXPECT_THROW(environment_->step(action), Error);
  }
  EXPECT_EQ(environment_->episode_steps(), 0);
  environment_->step(fits);
}

INSTANTIATE_TEST_SUITE_P(All, Reference, testing::ValuesIn(environment_names()),
                         [](const auto& info) {
                           const std::string& name = info.param;
                           return name.substr(0, name.find('-'));
                         });

TEST(ReferenceNames, AnUnknownNameIsRefusedWithTheListOfNames) {
  try {
    find_environment("CartPole-v0");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("CartPole-v1, Acrobot-v1"), std::string::npos);
  }
}

TEST(ClassicControl, TheTimeLimitTruncates) {
  Pendulum pendulum;
  pendulum.reset(1);
  for (int t = 1; t < 200; ++t) ASSERT_FALSE(pendulum.step({{}, {0.0f}}).done()) << t;
  const StepResult last = pendulum.step({{}, {0.0f}});
  EXPECT_TRUE(last.truncated);
  EXPECT_FALSE(last.terminated);
  EXPECT_EQ(last.ending_code(), EnvironmentSpec::kTimeLimit);
}

TEST(ClassicControl, AnEpisodeThatEndsOnItsLastStepIsTerminatedOnly) {
  MountainCar car;
  car.start({-0.5, 0.0});
  for (int t = 0; t < 199; ++t) ASSERT_FALSE(car.step({{1}, {}}).done());
  std::vector<std::uint8_t> bytes = car.save_state();
  MountainCar at_goal;
  at_goal.start({0.49, 0.05});
  const std::vector<std::uint8_t> goal = at_goal.save_state();
  std::copy(goal.end() - 16, goal.end(), bytes.end() - 16);  // the state, under the other's clock
  car.load_state(bytes);
  const StepResult last = car.step({{2}, {}});
  EXPECT_TRUE(last.terminated);
  EXPECT_FALSE(last.truncated);
  EXPECT_EQ(last.ending_code(), EnvironmentSpec::kTerminated);
  EXPECT_EQ(car.episode_steps(), 200);
}

TEST(ClassicControl, StatesStartInGymnasiumsRanges) {
  CartPole cart;
  Acrobot acrobot;
  MountainCar car;
  Pendulum pendulum;
  double least = 0, most = -1, widest = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    for (ControlEnvironment* e :
         {static_cast<ControlEnvironment*>(&cart), static_cast<ControlEnvironment*>(&acrobot),
          static_cast<ControlEnvironment*>(&car), static_cast<ControlEnvironment*>(&pendulum)}) {
      e->reset(seed);
    }
    for (const double v : cart.state()) ASSERT_LE(std::abs(v), 0.05);
    for (const double v : acrobot.state()) {
      ASSERT_LE(std::abs(v), 0.1f);
      ASSERT_EQ(v, static_cast<float>(v)) << "Gymnasium rounds it to float32";
    }
    ASSERT_EQ(car.state()[1], 0.0);
    least = std::min(least, car.state()[0]);
    most = std::max(most, car.state()[0]);
    ASSERT_LE(std::abs(pendulum.state()[1]), 1.0);
    widest = std::max(widest, std::abs(pendulum.state()[0]));
  }
  EXPECT_GE(least, -0.6);
  EXPECT_LT(least, -0.59);
  EXPECT_LE(most, -0.4);
  EXPECT_GT(most, -0.41);
  EXPECT_LE(widest, 3.1415927);
  EXPECT_GT(widest, 3.0);
}

/// The return of an episode that acts what it is shown, or the constant `fixed` where given.
template <typename Identity, typename Copy>
double identity_return(const Copy& act) {
  Identity environment;
  environment.reset(11);
  double sum = 0;
  for (StepResult result; !result.done();) {
    result = environment.step(act(environment.state()));
    sum += result.reward[kTotal];
    EXPECT_LE(result.reward[kTotal], 1.0);
    EXPECT_FALSE(result.terminated);
  }
  EXPECT_EQ(environment.episode_steps(), 100);
  return sum;
}

using Shown = std::vector<double>;
std::int32_t symbol(double shown) {
  return static_cast<std::int32_t>(shown);
}

TEST(Identity, ActingWhatIsShownEarnsAHundred) {
  EXPECT_EQ(identity_return<IdentityDiscrete>([](const Shown& s) {
              return Action{{symbol(s[0])}, {}};
            }),
            100.0);
  EXPECT_EQ(identity_return<IdentityMultiDiscrete>([](const Shown& s) {
              return Action{{symbol(s[0]), symbol(s[1])}, {}};
            }),
            100.0);
  EXPECT_NEAR(identity_return<IdentityBox>([](const Shown& s) {
                return Action{{}, {static_cast<float>(s[0])}};
              }),
              100.0, 1e-4);
  EXPECT_NEAR(identity_return<IdentityHybrid>([](const Shown& s) {
                return Action{{symbol(s[0])}, {static_cast<float>(s[1])}};
              }),
              100.0, 1e-4);
}

TEST(Identity, AConstantActionEarnsItsShare) {
  EXPECT_NEAR(identity_return<IdentityDiscrete>([](const Shown&) {
                return Action{{0}, {}};
              }),
              25, 15);
  EXPECT_NEAR(identity_return<IdentityMultiDiscrete>([](const Shown&) {
                return Action{{0, 0}, {}};
              }),
              6, 8);
  EXPECT_NEAR(identity_return<IdentityBox>([](const Shown&) {
                return Action{{}, {0.0f}};
              }),
              50, 10);
  EXPECT_NEAR(identity_return<IdentityHybrid>([](const Shown&) {
                return Action{{0}, {0.0f}};
              }),
              50, 12);
}

}  // namespace
}  // namespace frost
