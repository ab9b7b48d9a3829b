#include "rl/envs/gymnasium/gymnasium_environment.h"

#include "kernels/errors.h"
#include "rl/vector_environment.h"
#include "tests/engine/errors.h"
#include "tests/rl/gymnasium/python_tasks.h"

namespace frost {
namespace {

using Floats = std::vector<float>;

class PythonEnvironment : public PythonTest {};

const Floats& numbers(const Observation& observation) {
  return std::get<VectorObservation>(observation).values;
}

Action choosing(std::vector<std::int32_t> decisions) {
  return {std::move(decisions), {}};
}

TEST_F(PythonEnvironment, StepsWithTheActionsAndSeedsItIsGiven) {
  const auto environment = python_factory("Task")();
  const EnvironmentSpec& spec = environment->spec();
  EXPECT_EQ(spec.actions.choices, 3);
  EXPECT_EQ(spec.actions.rows, 1);
  EXPECT_EQ(std::get<VectorSpec>(spec.observation).size, 3);
  EXPECT_EQ(spec.time_limit, 10);
  EXPECT_TRUE(spec.runs_on.starts_with("Python 3.")) << spec.runs_on;
  environment->reset(1234567);
  EXPECT_EQ(numbers(environment->observe()), (Floats{567, 0, 0}));
  // Choices start at 5, and half of their sum is earned.
  StepResult result = environment->step(choosing({2}));
  EXPECT_EQ(result.reward, RewardVector{3.5});
  EXPECT_EQ(numbers(environment->observe()), (Floats{567, 1, 7}));
  for (int step = 2; step <= 10; ++step) {
    EXPECT_FALSE(result.done());
    result = environment->step(choosing({0}));
  }
  EXPECT_TRUE(result.truncated);
  EXPECT_FALSE(result.terminated);
  EXPECT_EQ(environment->episode_steps(), 10);
  EXPECT_EQ(environment->progress(), 1);
  EXPECT_EQ(numbers(environment->observe()), (Floats{567, 10, 52}));
  EXPECT_NE(error_of([&] { environment->step(choosing({0})); }).find("call reset first"),
            std::string::npos);
  environment->reset(3);
  EXPECT_EQ(numbers(environment->observe()), (Floats{3, 0, 0}));
  EXPECT_NE(error_of([&] { environment->step(choosing({3})); }).find("decision 3 of 3 choices"),
            std::string::npos);
}

TEST_F(PythonEnvironment, AnEndIsNoCutEvenInTheLastStep) {
  const auto environment = python_factory("Task", R"({"limit": 4, "end": 4})")();
  environment->reset(1);
  for (int step = 1; step < 4; ++step) EXPECT_FALSE(environment->step(choosing({0})).done());
  const StepResult last = environment->step(choosing({0}));
  EXPECT_TRUE(last.terminated);
  EXPECT_FALSE(last.truncated);
}

TEST_F(PythonEnvironment, ItsTimeLimitCanBeShortened) {
  const auto environment = python_factory("Task")();
  environment->limit_time(2);
  environment->reset(1);
  EXPECT_FALSE(environment->step(choosing({0})).done());
  EXPECT_TRUE(environment->step(choosing({0})).truncated);
  EXPECT_NE(error_of([&] { environment->limit_time(11); }).find("max_episode_steps: 11"),
            std::string::npos);
}

TEST_F(PythonEnvironment, ContinuousValuesArriveAsTheyAreExecuted) {
  const auto environment = python_factory("Intervals")();
  const auto& dimensions = environment->spec().actions.continuous;
  ASSERT_EQ(dimensions.size(), 2U);
  EXPECT_EQ(dimensions[0].low, -2);
  EXPECT_EQ(dimensions[1].high, 0.5);
  EXPECT_EQ(dimensions[1].squash, Squash::kClip);
  environment->reset(1);
  environment->step({{}, {-1.5f, 0.1f}});
  EXPECT_EQ(numbers(environment->observe()), (Floats{-1.5f, 0.1f}));
}

TEST_F(PythonEnvironment, AChoiceMayHaveContinuousValuesBesideIt) {
  const auto environment = python_factory("Hybrid")();
  EXPECT_EQ(environment->spec().actions.choices, 3);
  EXPECT_EQ(environment->spec().actions.dims(), 2);
  environment->reset(1);
  EXPECT_EQ(environment->step({{2}, {-1.5f, 0.1f}}).reward, RewardVector{0.5 * 7});
  EXPECT_EQ(numbers(environment->observe()), (Floats{-1.5f, 0.1f}));
}

TEST_F(PythonEnvironment, SeveralDecisionsAreRowsAndASymbolIsOneHot) {
  const auto environment = python_factory("Rows")();
  EXPECT_EQ(environment->spec().actions.rows, 3);
  EXPECT_EQ(environment->spec().actions.choices, 4);
  environment->reset(1);
  EXPECT_EQ(environment->step(choosing({3, 0, 2})).reward, RewardVector{0.5 * 203});
  EXPECT_EQ(numbers(environment->observe()), (Floats{0, 0, 0, 1}));
}

TEST_F(PythonEnvironment, APictureHasItsNumbersBesideIt) {
  for (const int channels : {1, 3}) {
    const auto environment =
        python_factory("Picture", "{\"channels\": " + std::to_string(channels) + "}")();
    const auto spec = std::get<PictureSpec>(environment->spec().observation);
    EXPECT_EQ(spec.height, 4);
    EXPECT_EQ(spec.width, 6);
    EXPECT_EQ(spec.channels, channels);
    EXPECT_EQ(spec.values, 2);
    environment->reset(1);
    environment->step(choosing({0}));
    const auto seen = std::get<PictureObservation>(environment->observe());
    ASSERT_EQ(seen.pixels.size(), static_cast<std::size_t>(24 * channels));
    for (std::size_t i = 0; i < seen.pixels.size(); ++i) EXPECT_EQ(seen.pixels[i], 16 + i);
    EXPECT_EQ(seen.values, (Floats{1, -1}));
  }
}

TEST_F(PythonEnvironment, FramesAreSeenReducedToTheirSide) {
  GymnasiumConfig config;
  config.view = PythonView::kBoth;
  config.picture_size = 3;
  const auto environment = python_factory("Rendered", "{}", config)();
  const auto spec = std::get<PictureSpec>(environment->spec().observation);
  EXPECT_EQ(spec.height, 3);
  EXPECT_EQ(spec.width, 3);
  EXPECT_EQ(spec.channels, 3);
  EXPECT_EQ(spec.values, 3);
  environment->reset(100);
  environment->step(choosing({1}));
  const auto seen = std::get<PictureObservation>(environment->observe());
  EXPECT_EQ(seen.values, (Floats{100, 1, 6}));
  // Of a colour, the two pixels of a row that are averaged are 100 and 1.
  EXPECT_EQ(seen.pixels, std::vector<std::uint8_t>(27, 51));
}

TEST_F(PythonEnvironment, WhatFrostlineCannotUseIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"stacked_frames", "its observation is uint8 of shape (4, 84, 84)"},
      {"nested", "of several parts it takes one Discrete and one Box"},
      {"wordy", "its observation['mission'] is Text(1, 20)"},
      {"unbounded", "every dimension needs two finite bounds"},
      {"uneven", "every decision must have as many choices"},
      {"absent", "has no attribute 'absent'"}};
  for (const auto& [member, part] : cases) {
    try {
      python_factory(member);
      ADD_FAILURE() << member;
    } catch (const UsageError& error) {
      const std::string text = error.what();
      EXPECT_TRUE(text.starts_with("environment.name is '" + python_task(member) + "': ")) << text;
      EXPECT_NE(text.find(part), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }
  GymnasiumConfig config;
  config.python = "no-such-python";
  EXPECT_NE(error_of([&] { python_factory("Task", "{}", config); }).find("install Python 3"),
            std::string::npos);
}

struct Fault {
  const char* name;
  const char* said;
};

class PythonFault : public testing::WithParamInterface<Fault>, public PythonTest {};

TEST_P(PythonFault, IsOneLineThatNamesTheWorkerAndEndsIt) {
  GymnasiumConfig config;
  // The limit holds for starting Python too, which may take long on a busy machine.
  if (GetParam().name == std::string("hang")) config.timeout = 5;
  config.workers = 2;
  const std::string mark = std::string("{\"fault\": \"") + GetParam().name + "\", \"at\": 2}";
  {
    const EnvironmentFactory make = python_factory("Task", mark, config);
    VectorEnvironment environments(make, 2, 7);
    const std::vector<Action> actions(2, choosing({0}));
    environments.step(actions);
    const std::string line = error_of([&] { environments.step(actions); });
    EXPECT_TRUE(line.starts_with("[environment] " + python_task("Task") + ", worker ")) << line;
    EXPECT_NE(line.find(GetParam().said), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  EXPECT_EQ(processes_with(mark, ::getpid()), 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, PythonFault,
    testing::Values(Fault{"raise", "RuntimeError: the simulator is out of fuel (python_tasks.py:"},
                    Fault{"exit", "the process ended with exit status 7"},
                    Fault{"kill", "the process was killed by signal 9"},
                    Fault{"hang", "no answer within 5 s (environment.timeout)"},
                    Fault{"shape", "ValueError: an observation "},
                    Fault{"nan", "number 1 of 3 of its observation after step 2 of seed "},
                    Fault{"nan reward", "the reward of step 2 of seed "}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST_F(PythonEnvironment, WhatItPrintsGoesToStandardErrorWithItsName) {
  testing::internal::CaptureStderr();
  {
    const auto environment = python_factory("Task", R"({"fault": "print", "at": 1})")();
    environment->reset(1);
    environment->step(choosing({0}));
  }
  const std::string prefix = python_task("Task") + ", worker 0: ";
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            prefix + "two lines\n" + prefix + "of a print\n");
}

}  // namespace
}  // namespace frost
