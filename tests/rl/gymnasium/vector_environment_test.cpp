#include <chrono>

#include "kernels/errors.h"
#include "rl/evaluator.h"
#include "tests/engine/errors.h"
#include "tests/rl/gymnasium/python_tasks.h"
#include "tests/rl/gymnasium/vector_transcript.h"

// Vector environments in plain Python.
namespace frost {
namespace {

class PythonVector : public PythonTest {
 protected:
  static EnvironmentFactory factory(const std::string& member, const std::string& kwargs = "{}",
                                    int workers = 1) {
    GymnasiumConfig config;
    config.workers = workers;
    return pool_factory(vector_task(member), kwargs, config);
  }
  static std::string refusal(const std::string& member, const std::string& kwargs = "{}") {
    return error_of([&] { factory(member, kwargs); });
  }
};

const std::vector<Action> kThree = {{{0}, {}}, {{1}, {}}, {{2}, {}}};

/// An observation of Task: seed, steps, sum of decisions.
struct Counted {
  explicit Counted(const Observation& observation) {
    const std::vector<float> values = values_of(observation);
    seed = values.at(0);
    steps = values.at(1);
    sum = values.at(2);
  }
  float seed, steps, sum;
};

class PythonVectorMode : public testing::WithParamInterface<const char*>, public PythonVector {};

TEST_P(PythonVectorMode, EveryEpisodeIsWholeAndCutsShowTheStateTheyWereMadeIn) {
  for (const int workers : {1, 2}) {
    const std::string kwargs = std::string(R"({"limit": 5, "mode": ")") + GetParam() + "\"}";
    VectorEnvironment environments(factory("Tasks", kwargs, workers), 3, 8);
    EXPECT_EQ(environments.spec().time_limit, 5);
    EXPECT_FALSE(environments.spec().resumes_exactly);
    std::vector<float> seeds(3), steps(3, 0);
    int ends = 0, cuts = 0;
    for (int t = 0; t < 40; ++t) {
      for (std::size_t i = 0; i < 3; ++i) {
        const Counted shown(*environments.observations()[i]);
        EXPECT_EQ(shown.steps, steps[i]);
        EXPECT_EQ(shown.sum, steps[i] * static_cast<float>(5 + i));
        if (steps[i] == 0) seeds[i] = shown.seed;
        EXPECT_EQ(shown.seed, seeds[i]);
      }
      const std::vector<VectorStep> results = environments.step(kThree);
      for (std::size_t i = 0; i < 3; ++i) {
        const StepResult& result = results[i].result;
        ++steps[i];
        EXPECT_EQ(result.reward, RewardVector{0.5 * steps[i] * static_cast<float>(5 + i)});
        const float length = 2 + static_cast<float>(static_cast<int>(seeds[i]) % 5);
        EXPECT_EQ(result.terminated, steps[i] == length);
        EXPECT_EQ(result.truncated, steps[i] == 5 && length > 5);
        if (result.truncated) {
          const Counted final(results[i].final_observation);
          EXPECT_EQ(final.steps, 5);
          EXPECT_EQ(final.seed, seeds[i]);
        }
        ends += result.terminated;
        cuts += result.truncated;
        if (result.done()) steps[i] = 0;
      }
    }
    EXPECT_GT(ends, 10);
    EXPECT_GT(cuts, 2);
  }
}

// More than can be run at once: episodes begin while others go on, which one without masks needs
// another vector environment for.
TEST_P(PythonVectorMode, AnEvaluationRunsEachEpisodeFromItsBeginning) {
  const std::string kwargs = std::string(R"({"mode": ")") + GetParam() + "\"}";
  const BatchPolicy always = [](const auto& environments, const auto&) {
    return std::vector<Action>(environments.size(), Action{{1}, {}});
  };
  struct Watch : EvaluationObserver {
    void before_step(int, const Environment& environment, const Action&) override {
      EXPECT_EQ(Counted(environment.observe()).steps, environment.episode_steps());
    }
    void after_step(int, const Environment& environment, const StepResult&) override {
      EXPECT_EQ(Counted(environment.observe()).steps, environment.episode_steps());
      ++steps;
    }
    int steps = 0;
  } watch;
  const EnvironmentFactory make = factory("Tasks", kwargs, 2);
  for (const bool watched : {false, true}) {
    const EvaluationResult result = evaluate_policy(
        make, always, 80, 3,
        watched ? std::vector<EvaluationObserver*>{&watch} : std::vector<EvaluationObserver*>{});
    int steps = 0;
    for (const EpisodeRecord& episode : result.episodes) {
      EXPECT_TRUE(episode.steps >= 2 && episode.steps <= 6) << episode.steps;
      EXPECT_EQ(episode.episode_return, 0.5 * 6 * episode.steps * (episode.steps + 1) / 2);
      steps += episode.steps;
    }
    EXPECT_EQ(watch.steps, watched ? steps : 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, PythonVectorMode, testing::Values("Disabled", "SameStep"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(PythonVector, WhatCannotBeRightIsRefusedInOneLine) {
  const std::pair<std::string, const char*> cases[] = {
      {refusal("Tasks", R"({"mode": "NextStep"})"), "make it with autoreset_mode=DISABLED"},
      {refusal("Quiet"), "its metadata['autoreset_mode'] is None"},
      {refusal("unaware"), "which a callable must make that takes num_envs"},
      {refusal("single"), "it was made for num_envs, but is a Task"},
      {error_of([] { VectorEnvironment(factory("TooMany"), 2, 1); }),
       "it has 3 sub-environments, not num_envs=2"}};
  for (const auto& [line, part] : cases) {
    EXPECT_NE(line.find(part), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

TEST_F(PythonVector, AnEarlierLimitNeedsEpisodesThatBeginAtAnyTime) {
  const auto disabled = factory("Tasks")();
  disabled->limit_time(3);
  EXPECT_EQ(disabled->spec().time_limit, 3);
  const auto same_step = factory("Tasks", R"({"mode": "SameStep"})")();
  same_step->limit_time(10);  // its own
  EXPECT_NE(error_of([&] { same_step->limit_time(3); }).find("autoreset_mode=DISABLED"),
            std::string::npos);
}

TEST_F(PythonVector, SubEnvironmentsThatAreSteppedAloneSaySo) {
  const EnvironmentFactory make = factory("Tasks");
  const auto one = make(), other = make();
  one->begin_reset(1);
  other->begin_reset(2);
  one->reset(1);
  other->reset(2);
  one->step(kThree[0]);
  const std::string line = error_of([&] { other->step(kThree[0]); });
  EXPECT_NE(line.find("sub-environment 1: its episode went on when others were stepped"),
            std::string::npos)
      << line;
}

TEST_P(PythonVectorMode, IdleSubEnvironmentsServeUsersThatKnowNothingOfEachOther) {
  const EnvironmentFactory make =
      factory("Tasks", std::string(R"({"mode": ")") + GetParam() + "\"}");
  { const VectorEnvironment gone(make, 4, 1); }
  VectorEnvironment one(make, 2, 2), other(make, 2, 3);
  const std::vector<Action> actions(2, Action{{1}, {}});
  for (int t = 0; t < 20; ++t) {
    one.step(actions);
    if (t % 3 > 0) other.step(actions);
  }
  for (VectorEnvironment* environments : {&one, &other}) {
    const auto finished = environments->take_finished();
    EXPECT_GT(finished.size(), 3U);
    for (const EpisodeRecord& episode : finished) {
      EXPECT_EQ(episode.episode_return, 0.5 * 6 * episode.steps * (episode.steps + 1) / 2);
    }
  }
}

// Episodes that begin while others go on begin where others have ended.
TEST_F(PythonVector, IsMadeForAllThatBeginTogether) {
  const BatchPolicy always = [](const auto& environments, const auto&) {
    return std::vector<Action>(environments.size(), Action{{1}, {}});
  };
  testing::internal::CaptureStderr();
  {
    const EnvironmentFactory make = factory("Announced");
    for (const int episodes : {1, 4, 4, 70}) evaluate_policy(make, always, episodes, 3);
  }
  std::string said = testing::internal::GetCapturedStderr();
  const std::string prefix = vector_task("Announced") + ", worker 0: ";
  for (std::size_t at; (at = said.find(prefix)) != std::string::npos;)
    said.erase(at, prefix.size());
  EXPECT_EQ(said, "made 1\nclosed 1\nmade 1\nclosed 1\nmade 4\nclosed 4\nmade 64\nclosed 64\n");
}

TEST_F(PythonVector, OneThatIsNotUsedIsClosed) {
  testing::internal::CaptureStderr();
  error_of([] { VectorEnvironment(factory("TooMany"), 2, 1); });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("worker 0: closed 3\n"), std::string::npos) << said;
}

TEST_F(PythonVector, OneThatCannotBeClosedSaysSoInOneLine) {
  testing::internal::CaptureStderr();
  const EnvironmentFactory make = factory("Open");
  { const VectorEnvironment gone(make, 2, 1); }
  const std::string line = error_of([&] { VectorEnvironment(make, 3, 1); });
  EXPECT_NE(line.find("worker 0: RuntimeError: a window is open (vector_tasks.py:"),
            std::string::npos)
      << line;
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(PythonVector, PicturesAndFramesAreThoseOfTheSubEnvironment) {
  for (const char* mode : {"Disabled", "SameStep"}) {
    const std::string kwargs = std::string(R"({"limit": 4, "mode": ")") + mode + "\"}";
    VectorEnvironment environments(factory("Pictures", kwargs), 3, 1);
    for (int t = 1; t <= 4; ++t) {
      const std::vector<VectorStep> results = environments.step(kThree);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(results[i].result.truncated, t == 4);
        const std::vector<float> seen =
            values_of(t == 4 ? results[i].final_observation : *environments.observations()[i]);
        ASSERT_EQ(seen.size(), 24U * 3 + 2);
        EXPECT_EQ(seen[0], 16 * t);
        EXPECT_EQ(seen.back(), -t);
      }
    }
  }
  GymnasiumConfig config;
  config.view = PythonView::kRender;
  VectorEnvironment environments(pool_factory(vector_task("Frames"), R"({"limit": 4})", config), 3,
                                 1);
  environments.step(kThree);
  EXPECT_EQ(values_of(*environments.observations()[0])[1], 1);
  EXPECT_NE(values_of(*environments.observations()[0])[0],
            values_of(*environments.observations()[1])[0]);  // the seed
  EXPECT_NE(error_of([&] {
              pool_factory(vector_task("Frames"), R"({"mode": "SameStep"})", config);
            }).find("the last frame of an episode cannot be seen"),
            std::string::npos);
}

TEST_F(PythonVector, AFaultNamesTheWorkerAndTheSubEnvironment) {
  const std::pair<const char*, const char*> cases[] = {
      {"raise", "sub-environment 1: RuntimeError: the simulator is out of fuel"},
      {"nan", "sub-environment 1: number 1 of 3 of its observation after step 2 of seed "},
      {"nan reward", "sub-environment 1: the reward of step 2 of seed "},
      {"shape", "ValueError: an observation "},
      {"kill", "the process was killed by signal 9"},
      {"exit", "the process ended with exit status 7"}};
  for (const auto& [fault, said] : cases) {
    const std::string kwargs = std::string(R"({"faulty": 1, "at": 2, "fault": ")") + fault + "\"}";
    VectorEnvironment environments(factory("Tasks", kwargs), 3, 1);
    environments.step(kThree);
    const std::string line = error_of([&] { environments.step(kThree); });
    EXPECT_TRUE(line.starts_with("[environment] " + vector_task("Tasks") + ", worker 0: ")) << line;
    EXPECT_NE(line.find(said), std::string::npos) << line;
  }
}

TEST_F(PythonVector, WorkersWorkSideBySide) {
  VectorEnvironment environments(factory("SlowTasks", R"({"seconds": 0.6})", 3), 3, 1);
  const auto begin = std::chrono::steady_clock::now();
  environments.step(kThree);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(taken.count(), 1.7);  // one after the other: 1.8
}

}  // namespace
}  // namespace frost
