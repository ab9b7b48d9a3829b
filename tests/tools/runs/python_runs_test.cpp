#include "tests/rl/gymnasium/python_tasks.h"
#include "tests/tools/programs_fixture.h"

namespace frost {
namespace {

class PythonRuns : public ProgramsTest {
 protected:
  void SetUp() override {
    if (!python_found()) GTEST_SKIP() << "no python3 in PATH, or no sources of the tests";
  }

  std::vector<std::string> training(const std::string& kwargs, int updates) const {
    const std::string config =
        write("task.yaml", "environment: {name: '" + python_task("Task") + "', kwargs: " + kwargs +
                               "}\n"
                               "trainer: {num_envs: 2, rollout_steps: 8, minibatch_size: 8, "
                               "checkpoint_every: 1}\n"
                               "evaluation: {every: 0}\n"
                               "system: {device: cpu}\n");
    return {config, "--out", "run", "--stop-after", std::to_string(updates)};
  }
};

TEST_F(PythonRuns, ARunWhoseWorkerFailsGoesOnFromItsLastCheckpoint) {
  // Each of two environments steps 4 times per update, so the third has its twelfth step.
  const std::string kwargs = "{limit: 0, fault: kill, at: 11}";
  const Outcome failed = run("train", training(kwargs, 5));
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(std::count(failed.err.begin(), failed.err.end(), '\n'), 1) << failed.err;
  EXPECT_TRUE(
      failed.err.starts_with("error: update 3: [environment] " + python_task("Task") + ", worker "))
      << failed.err;
  EXPECT_NE(failed.err.find("was killed by signal 9"), std::string::npos) << failed.err;

  const Outcome resumed = run("train", {"--resume", "run", "--stop-after", "4"});
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  const std::string log = read_text(folder_ / "run" / "run.log");
  EXPECT_NE(log.find("resumed after update 2, in new episodes: " + python_task("Task") +
                     " does not save its state"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("environment: " + python_task("Task") + ", Python 3."), std::string::npos);
}

TEST_F(PythonRuns, WhatCannotBeMadeIsWrongUsageAndLeavesNothing) {
  expect_refusal("train", training("{fault: init}", 1), 2, "ValueError: no such level");
}

}  // namespace
}  // namespace frost
