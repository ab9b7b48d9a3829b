#include "rl/envs/gymnasium/worker_pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "rl/vector_environment.h"
#include "tests/engine/errors.h"
#include "tests/rl/gymnasium/python_tasks.h"

namespace frost {
namespace {

class PythonWorkers : public PythonTest {
 protected:
  static GymnasiumConfig with_workers(int workers) {
    GymnasiumConfig config;
    config.workers = workers;
    return config;
  }
};

std::vector<float> seen(const VectorEnvironment& environments) {
  std::vector<float> all;
  for (const Observation* o : environments.observations()) {
    const auto& values = std::get<VectorObservation>(*o).values;
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// Whether no process holds `mark` within two seconds.
bool all_end(const std::string& mark) {
  for (int i = 0; i < 100 && processes_with(mark) > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return processes_with(mark) == 0;
}

TEST_F(PythonWorkers, HowManyThereAreChangesNothingThatIsSeen) {
  const std::string kwargs = R"({"limit": 4})";
  VectorEnvironment one(python_factory("Task", kwargs, with_workers(1)), 5, 3);
  VectorEnvironment three(python_factory("Task", kwargs, with_workers(3)), 5, 3);
  for (int step = 0; step < 10; ++step) {
    std::vector<Action> actions;
    for (int i = 0; i < 5; ++i) actions.push_back({{(i + step) % 3}, {}});
    const auto a = one.step(actions), b = three.step(actions);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].result.reward, b[i].result.reward);
      EXPECT_EQ(a[i].result.truncated, step % 4 == 3);
    }
    EXPECT_EQ(seen(one), seen(three));
  }
  EXPECT_EQ(one.take_finished().size(), 10U);
}

TEST_F(PythonWorkers, WorkSideBySide) {
  const double kSeconds = 0.6;
  VectorEnvironment environments(python_factory("Slow", R"({"seconds": 0.6})", with_workers(4)), 4,
                                 1);
  const auto begin = std::chrono::steady_clock::now();
  environments.step(std::vector<Action>(4, Action{{0}, {}}));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(taken.count(), kSeconds);
  EXPECT_LT(taken.count(), 3 * kSeconds);
}

TEST_F(PythonWorkers, StartAsEnvironmentsAreAskedForAndServeTheNextOnes) {
  const std::string mark = R"({"limit": 11})";
  const EnvironmentFactory make = python_factory("Task", mark, with_workers(3));
  EXPECT_EQ(processes_with(mark, ::getpid()), 1);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::unique_ptr<Environment>> environments;
    for (int i = 0; i < 5; ++i) environments.push_back(make());
    for (auto& environment : environments) environment->reset(1);
    EXPECT_EQ(processes_with(mark, ::getpid()), 3);
  }
}

TEST_F(PythonWorkers, TheSharedPoolIsKeptUntilAnotherIsAskedFor) {
  GymnasiumConfig config;
  config.kwargs = R"({"limit": 12})";
  const auto first = WorkerPool::shared(python_task("Task"), config);
  EXPECT_EQ(WorkerPool::shared(python_task("Task"), config), first);
  config.kwargs = R"({"limit": 13})";
  EXPECT_EQ(WorkerPool::shared(python_task("Task"), config)->spec().time_limit, 13);
}

TEST_F(PythonWorkers, EndWithTheProcessThatStartedThem) {
  // A number of our own: the worker is nobody's child in the end.
  const std::string mark = "{\"limit\": " + std::to_string(100000 + ::getpid()) + "}";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto environment = python_factory("Task", mark)();
    environment->reset(1);
    ::_exit(processes_with(mark) == 1 ? 0 : 1);  // without ending anything
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(all_end(mark));
}

TEST_F(PythonWorkers, EndWithTheProcessesTheyHaveStarted) {
  const auto mark = [](const std::string& more) {
    return "{\"limit\": " + std::to_string(200000 + ::getpid()) + more + "}";
  };
  const std::string kept = mark(""), killed = mark(R"(, "fault": "kill", "at": 1)");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto environment = python_factory("Forking", kept)();
    environment->reset(1);
    ::_exit(processes_with(kept) == 2 ? 0 : 1);  // without ending anything
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(all_end(kept));

  const auto environment = python_factory("Forking", killed)();
  environment->reset(1);
  EXPECT_EQ(processes_with(killed), 2);
  EXPECT_NE(error_of([&] {
              environment->step({{0}, {}});
            }).find("killed by signal 9"),
            std::string::npos);
  EXPECT_TRUE(all_end(killed));
}

TEST_F(PythonWorkers, AStateIsSavedInTheMiddleOfAnEpisode) {
  const EnvironmentFactory make = python_factory("Saved");
  const auto original = make(), resumed = make();
  original->reset(5);
  resumed->reset(6);
  for (int step = 0; step < 4; ++step) original->step({{1}, {}});
  const std::vector<std::uint8_t> saved = original->save_state();
  resumed->load_state(saved);
  EXPECT_EQ(resumed->save_state(), saved);
  EXPECT_EQ(resumed->episode_steps(), 4);
  while (true) {
    const auto values = [](const Environment& e) {
      return std::get<VectorObservation>(e.observe()).values;
    };
    EXPECT_EQ(values(*resumed), values(*original));
    const StepResult a = original->step({{2}, {}}), b = resumed->step({{2}, {}});
    EXPECT_EQ(a.reward, b.reward);
    EXPECT_EQ(a.truncated, b.truncated);
    if (a.done()) break;
  }
  for (std::size_t length = 0; length < saved.size(); ++length) {
    EXPECT_THROW(resumed->load_state({saved.begin(), saved.begin() + static_cast<long>(length)}),
                 Error);
  }
}

TEST_F(PythonWorkers, WhatIsNotSavedGoesOnWithNewEpisodes) {
  const EnvironmentFactory make = python_factory("Task");
  VectorEnvironment environments(make, 2, 9);
  EXPECT_FALSE(environments.spec().resumes_exactly);
  const std::vector<Action> actions(2, Action{{0}, {}});
  for (int step = 0; step < 3; ++step) environments.step(actions);
  StateDict state;
  environments.save(state);
  const std::vector<float> first = seen(environments);
  environments.load(state);
  const std::vector<float> fresh = seen(environments);
  EXPECT_NE(fresh[0], first[0]);  // another seed
  EXPECT_EQ(fresh[1], 0);
  for (int step = 0; step < 10; ++step) environments.step(actions);
  const std::vector<EpisodeRecord> finished = environments.take_finished();
  ASSERT_EQ(finished.size(), 2U);
  EXPECT_EQ(finished[0].episode, 1);
  EXPECT_EQ(finished[0].steps, 10);
  EXPECT_EQ(finished[0].episode_return, 0.5 * 5 * 55);
}

}  // namespace
}  // namespace frost
