#include "kernels/errors.h"
#include "rl/evaluator.h"
#include "tests/engine/errors.h"
#include "tests/rl/gymnasium/python_tasks.h"
#include "tests/rl/gymnasium/vector_transcript.h"

// gymnasium.make_vec and EnvPool themselves, where python3 has them.
namespace frost {
namespace {

GymnasiumConfig with_workers(int workers) {
  GymnasiumConfig config;
  config.workers = workers;
  return config;
}

std::string vector_kwargs(const std::string& mode, const std::string& arguments,
                          const std::string& more) {
  return R"({"vectorization_mode": ")" + mode + R"(", "vector_kwargs": )" + arguments + more + "}";
}

class GymnasiumVector : public PythonTest {
 protected:
  void SetUp() override {
    PythonTest::SetUp();
    static const bool found = python_found() && python_imports("gymnasium, numpy");
    if (!found && !IsSkipped()) GTEST_SKIP() << "python3 has no Gymnasium";
  }
};

struct Form {
  const char* name;
  const char* mode;
  const char* arguments;
};

class GymnasiumVectorForm : public testing::WithParamInterface<Form>, public GymnasiumVector {};

TEST_P(GymnasiumVectorForm, DoesBitForBitWhatSingleEnvironmentsDo) {
  const Form& form = GetParam();
  const bool seeded_once = std::string(form.arguments).find("SameStep") != std::string::npos;
  const std::string limit = R"("max_episode_steps": 15)";
  for (const std::string name : {"CartPole-v1", "Pendulum-v1"}) {
    const EnvironmentFactory single =
        seeded_once ? pool_factory(vector_task("FirstSeed"),
                                   R"({"name": ")" + name + R"(", )" + limit + "}")
                    : pool_factory("gymnasium:" + name, "{" + limit + "}");
    const auto want = transcript_of(single, 5, 100);
    const EnvironmentFactory vector =
        pool_factory("gymnasium:" + name, vector_kwargs(form.mode, form.arguments, ", " + limit),
                     with_workers(2));
    EXPECT_EQ(vector()->spec().time_limit, 15);
    EXPECT_TRUE(transcript_of(vector, 5, 100) == want) << name;
    EXPECT_GT(endings(want, &SeenStep::truncated), 5);
    EXPECT_GT(endings(want, &SeenStep::terminated), name == "CartPole-v1" ? 5 : -1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, GymnasiumVectorForm,
    testing::Values(Form{"sync", "sync", "{}"},
                    Form{"sync_next_step", "sync", R"({"autoreset_mode": "NextStep"})"},
                    Form{"sync_same_step", "sync", R"({"autoreset_mode": "SameStep"})"},
                    Form{"async", "async", "{}"},
                    Form{"async_next_step", "async", R"({"autoreset_mode": "NextStep"})"},
                    Form{"async_same_step", "async", R"({"autoreset_mode": "SameStep"})"}),
    [](const auto& info) { return info.param.name; });

TEST_F(GymnasiumVector, EvaluationsMeetTheEpisodesOfSingleEnvironments) {
  const BatchPolicy at_random = [](const std::vector<const Environment*>& environments,
                                   const std::vector<RandomStream*>& streams) {
    std::vector<Action> actions;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      actions.push_back(random_action(environments[i]->spec().actions, *streams[i]));
    }
    return actions;
  };
  const auto returns = [&](const EnvironmentFactory& make) {
    std::vector<double> all;
    for (int round = 0; round < 2; ++round) {
      for (const EpisodeRecord& e : evaluate_policy(make, at_random, 70, 3).episodes) {
        all.push_back(e.episode_return);
      }
    }
    return all;
  };
  const std::string name = "gymnasium:CartPole-v1";
  EXPECT_EQ(returns(pool_factory(name, vector_kwargs("sync", "{}", ""), with_workers(2))),
            returns(pool_factory(name)));
}

TEST_F(GymnasiumVector, ItsOwnNextStepIsRefusedWhereItTakesNoMask) {
  const std::string own = error_of([] {
    pool_factory("gymnasium:CartPole-v1", R"({"vectorization_mode": "vector_entry_point"})");
  });
  EXPECT_NE(own.find("make it with autoreset_mode=DISABLED"), std::string::npos) << own;
  const std::string forgets = error_of([] {
    pool_factory(
        "gymnasium:CartPole-v1",
        vector_kwargs("async", R"({"shared_memory": false, "autoreset_mode": "NextStep"})", ""));
  });
  EXPECT_NE(forgets.find("make it with autoreset_mode=DISABLED"), std::string::npos) << forgets;
}

TEST_F(GymnasiumVector, AFaultInsideNamesTheSubEnvironment) {
  struct Case {
    const char *kind, *fault, *said;
  };
  for (const Case& c :
       {Case{"SyncVectorEnv", "raise", "sub-environment 1: RuntimeError: out of fuel"},
        Case{"SyncVectorEnv", "nan", "sub-environment 1: number 0 of 4 of its observation after"},
        Case{"SyncVectorEnv", "shape", "sub-environment 1: ValueError: "},
        Case{"SyncVectorEnv", "kill", "the process was killed by signal 9"},
        Case{"AsyncVectorEnv", "raise", "sub-environment 1: RuntimeError: out of fuel"},
        Case{"AsyncVectorEnv", "nan", "sub-environment 1: number 0 of 4 of its observation after"},
        Case{"AsyncVectorEnv", "kill", "sub-environment 1: its process was killed by signal 9"}}) {
    const std::string kwargs =
        std::string(R"({"kind": ")") + c.kind + R"(", "fault": ")" + c.fault + "\"}";
    VectorEnvironment environments(pool_factory(vector_task("faulty"), kwargs, with_workers(1)), 3,
                                   1);
    const std::vector<Action> actions(3, Action{{0}, {}});
    environments.step(actions);
    const std::string line = error_of([&] { environments.step(actions); });
    EXPECT_TRUE(line.starts_with("[environment] " + vector_task("faulty") + ", worker 0: "))
        << line;
    EXPECT_NE(line.find(c.said), std::string::npos) << c.kind << ": " << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

TEST_F(GymnasiumVector, AFaultInsideIsThatOfItsSubEnvironmentBehindAWrapperOfShapes) {
  VectorEnvironment environments(
      pool_factory(vector_task("faulty"), R"({"fault": "shape", "reshaped": true})",
                   with_workers(1)),
      3, 1);
  const std::vector<Action> actions(3, Action{{0}, {}});
  environments.step(actions);
  const std::string line = error_of([&] { environments.step(actions); });
  EXPECT_NE(line.find("sub-environment 1: ValueError: "), std::string::npos) << line;
}

TEST_F(GymnasiumVector, WrappersWithRunningMeansAreRefused) {
  for (const std::string name : {"NormalizeReward", "NormalizeObservation"}) {
    const std::string line =
        error_of([&] { pool_factory(vector_task("normalised"), R"({"name": ")" + name + "\"}"); });
    EXPECT_NE(line.find("put gymnasium.wrappers." + name + " into each of them"), std::string::npos)
        << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

TEST_F(GymnasiumVector, ColoursMayComeFirst) {
  for (const char* member : {"ChannelsFirst", "ArraysOfPictures"}) {
    VectorEnvironment environments(pool_factory(vector_task(member)), 2, 1);
    const auto spec = std::get<PictureSpec>(environments.spec().observation);
    EXPECT_EQ(spec.height, 4);
    EXPECT_EQ(spec.width, 6);
    EXPECT_EQ(spec.channels, 3);
    environments.step(std::vector<Action>(2, Action{{0}, {}}));
    for (const Observation* observation : environments.observations()) {
      const std::vector<float> seen = values_of(*observation);
      ASSERT_EQ(seen.size(), 72U);
      for (int pixel = 0; pixel < 24; ++pixel) {
        for (int c = 0; c < 3; ++c) {
          EXPECT_EQ(seen[static_cast<std::size_t>(pixel * 3 + c)], 24 * c + pixel + 1);
        }
      }
    }
  }
}

class EnvPoolVector : public PythonTest {
 protected:
  void SetUp() override {
    PythonTest::SetUp();
    static const bool found = python_found() && python_imports("envpool");
    if (!found && !IsSkipped()) GTEST_SKIP() << "python3 has no EnvPool";
  }
};

TEST_F(EnvPoolVector, StepsEachOfItsEnvironmentsAsIfItWereAlone) {
  const std::string name = "envpool:CartPole-v1";
  const std::string kwargs = R"({"max_episode_steps": 12, "num_threads": 1})";
  const auto together = transcript_of(pool_factory(name, kwargs, with_workers(1)), 2, 80);
  const auto alone = transcript_of(pool_factory(name, kwargs, with_workers(2)), 2, 80);
  EXPECT_TRUE(together == alone);
  EXPECT_GT(endings(together, &SeenStep::truncated), 2);
  for (const auto& row : together) {
    for (const SeenStep& step : row) {
      EXPECT_EQ(step.reward, RewardVector{1});
      EXPECT_EQ(step.next.size(), 4U);
      EXPECT_TRUE(!step.truncated || step.final != step.next);
    }
  }
}

TEST_F(EnvPoolVector, FramesAreThoseOfTheEnvironmentsThatBeginAnEpisode) {
  for (const PythonView view : {PythonView::kRender, PythonView::kBoth}) {
    const auto steps = [&](int workers) {
      GymnasiumConfig config = with_workers(workers);
      config.view = view;
      config.picture_size = 24;
      return transcript_of(pool_factory("envpool:CartPole-v1", "{}", config), 2, 40);
    };
    const auto together = steps(1);
    EXPECT_TRUE(together == steps(2));
    EXPECT_GT(endings(together, &SeenStep::terminated), 1);
  }
}

TEST_F(EnvPoolVector, ASeedForAllIsRefused) {
  const std::string line = error_of([] { pool_factory("envpool:CartPole-v1", R"({"seed": 3})"); });
  EXPECT_NE(line.find("environment.kwargs has a seed"), std::string::npos) << line;
}

TEST_F(EnvPoolVector, EvaluationsAreTheSameEveryTime) {
  const BatchPolicy still = [](const std::vector<const Environment*>& environments, const auto&) {
    return std::vector<Action>(environments.size(), Action{{}, {0.3f}});
  };
  const EnvironmentFactory make =
      pool_factory("envpool:Pendulum-v1", R"({"max_episode_steps": 12})", with_workers(1));
  const auto returns = [&] {
    std::vector<double> all;
    for (const EpisodeRecord& e : evaluate_policy(make, still, 5, 3).episodes) {
      EXPECT_EQ(e.steps, 12);
      all.push_back(e.episode_return);
    }
    return all;
  };
  const std::vector<double> first = returns();
  EXPECT_EQ(returns(), first);
  EXPECT_NE(first[0], first[1]);
}

}  // namespace
}  // namespace frost
