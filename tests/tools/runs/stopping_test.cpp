#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/tools/programs_fixture.h"
#include "tests/tools/runs/started_program.h"
#include "tools/cli/stop_signals.h"

namespace frost {
namespace {

using std::chrono::milliseconds;

TEST(StopSignals, RememberTheFirstAndEndAtOnceAtTheSecond) {
  EXPECT_EXIT(
      {
        const StopSignals signals;
        std::raise(SIGTERM);
        if (signals.received() != SIGTERM) std::_Exit(1);
        std::raise(SIGINT);
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(StopSignals, TheRequestToQueueAgainIsNoThreat) {
  const StopSignals signals;
  EXPECT_EQ(signals.received(), 0);
  std::raise(SIGUSR1);
  std::raise(SIGUSR1);
  std::raise(SIGTERM);
  EXPECT_EQ(signals.received(), SIGUSR1);
  EXPECT_EQ(exit_status_of(SIGUSR1), 75);
  EXPECT_EQ(exit_status_of(SIGTERM), 143);
}

TEST(StopSignals, WhatWasIgnoredStaysIgnored) {
  std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    std::raise(SIGHUP);
    EXPECT_EQ(signals.received(), 0);
  }
  EXPECT_EQ(std::signal(SIGHUP, SIG_DFL), SIG_IGN);
}

/// Runs that are stopped and gone on with, against one that was not.
class Stopping : public ProgramsTest {
 protected:
  std::vector<std::string> arguments(const std::string& out) const {
    return {config_path("configs/reference/cartpole.yaml"),
            "--quiet",
            "--out",
            out,
            "--set",
            "algorithm.total_updates=24",
            "--set",
            "evaluation.every=5",
            "--set",
            "trainer.checkpoint_every=4"};
  }

  std::size_t rows_of(const std::string& out) const {
    const std::string table = read_text(folder_ / out / "metrics.csv");
    return static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n'));
  }

  /// Waits until a row more than `rows` is logged; false where the program ended before.
  bool wait_for_row(StartedProgram& program, const std::string& out, std::size_t rows) const {
    while (rows_of(out) <= rows) {
      if (!program.running()) return false;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  }

  std::string state_of(const std::string& out) const {
    return nlohmann::json::parse(read_text(folder_ / out / "run.json"))["state"];
  }

  void expect_equal(const std::string& first, const std::string& second) const {
    for (const char* file : {"metrics.csv", "evaluations.csv", "episodes.csv",
                             "checkpoints/last.safetensors", "checkpoints/best.safetensors"}) {
      const std::string want = read_text(folder_ / first / file);
      EXPECT_FALSE(want.empty()) << file;
      EXPECT_TRUE(want == read_text(folder_ / second / file)) << file << " differs";
    }
  }

  void go_on_until_finished(const std::string& out) const {
    const Outcome outcome = run("train", {"--resume", out, "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(state_of(out), "finished");
  }
};

TEST_F(Stopping, EverySignalLeavesARunThatGoesOnAsIfNeverStopped) {
  ASSERT_EQ(run("train", arguments("whole")).status, 0);
  const std::pair<int, int> expected[] = {
      {SIGTERM, 143}, {SIGINT, 130}, {SIGHUP, 129}, {SIGUSR1, 75}};
  std::size_t rows = 3;
  for (const auto& [signal, status] : expected) {
    const std::string out = "signal" + std::to_string(signal);
    StartedProgram program(folder_, "train", arguments(out));
    ASSERT_TRUE(wait_for_row(program, out, rows));
    std::this_thread::sleep_for(milliseconds(3 * rows++));
    program.send(signal);
    EXPECT_EQ(program.wait(), status);
    EXPECT_EQ(state_of(out), "stopped");
    EXPECT_TRUE(fs::exists(folder_ / out / "report.html"));
    EXPECT_LT(rows_of(out), 25u);
    go_on_until_finished(out);
    expect_equal("whole", out);
  }
}

TEST_F(Stopping, InItsFirstUpdateARunIsStoppedAsWell) {
  const auto long_update = [&](const std::string& out) {
    std::vector<std::string> all = arguments(out);
    for (const char* more : {"trainer.rollout_steps=20480", "algorithm.total_updates=1"}) {
      all.insert(all.end(), {"--set", more});
    }
    return all;
  };
  ASSERT_EQ(run("train", long_update("whole")).status, 0);
  StartedProgram program(folder_, "train", long_update("stopped"));
  while (!fs::exists(folder_ / "stopped/run.json")) std::this_thread::sleep_for(milliseconds(2));
  std::this_thread::sleep_for(milliseconds(50));
  program.send(SIGTERM);
  EXPECT_EQ(program.wait(), 143);
  EXPECT_EQ(rows_of("stopped"), 0u) << "an update was finished";
  EXPECT_EQ(state_of("stopped"), "stopped");
  go_on_until_finished("stopped");
  for (const char* file : {"metrics.csv", "episodes.csv", "checkpoints/last.safetensors"}) {
    EXPECT_TRUE(read_text(folder_ / "whole" / file) == read_text(folder_ / "stopped" / file))
        << file << " differs";
  }
}

TEST_F(Stopping, KilledAtAnyMomentARunGoesOn) {
  ASSERT_EQ(run("train", arguments("whole")).status, 0);
  {
    StartedProgram program(folder_, "train", arguments("killed"));
    while (!fs::exists(folder_ / "killed/config.yaml"))
      std::this_thread::sleep_for(milliseconds(1));
  }  // before the first checkpoint
  EXPECT_EQ(run("train", arguments("killed")).status, 1) << "it holds a run";
  for (std::size_t rows = 2; rows < 20; rows += 5) {
    StartedProgram program(folder_, "train", {"--resume", "killed", "--quiet"});
    wait_for_row(program, "killed", rows);
    if (rows == 12) {  // the second signal ends it at once
      program.send(SIGTERM);
      std::this_thread::sleep_for(milliseconds(1));
      program.send(SIGINT);
      const int status = program.wait();
      EXPECT_TRUE(status == 130 || status == 143) << status;
    }
  }
  go_on_until_finished("killed");
  expect_equal("whole", "killed");
}

TEST_F(Stopping, ARunThatIsBeingWrittenIsNotGoneOnWith) {
  StartedProgram program(folder_, "train", arguments("held"));
  ASSERT_TRUE(wait_for_row(program, "held", 1));
  const Outcome outcome = run("train", {"--resume", "held"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("is being written by process"), std::string::npos) << outcome.err;
}

TEST_F(Stopping, AsProcessOneOfAContainerToo) {
  const std::vector<std::string> container = {"unshare", "--user", "--map-root-user", "--pid",
                                              "--fork"};
  if (StartedProgram(folder_, "train", {"--help"}, container).wait() != 0) {
    GTEST_SKIP() << "no namespaces of process numbers here";
  }
  StartedProgram program(folder_, "train", arguments("contained"), container);
  ASSERT_TRUE(wait_for_row(program, "contained", 3));
  // `unshare` waits for it and ends with its status; the signal goes to the program itself.
  const std::string find = "pkill -TERM -P " + std::to_string(program.pid());
  ASSERT_EQ(std::system(find.c_str()), 0);
  EXPECT_EQ(program.wait(), 143);
  EXPECT_EQ(state_of("contained"), "stopped");
}

TEST_F(Stopping, ARunKeepsItsOwnSettings) {
  std::vector<std::string> begun = arguments("own");
  for (const char* more : {"--seed", "3", "--set", "algorithm.gamma=0.9"}) begun.push_back(more);
  ASSERT_EQ(run("train", begun).status, 0);
  begun.insert(begun.end(), {"--stop-after", "7"});
  begun[3] = "halved";
  ASSERT_EQ(run("train", begun).status, 0);
  expect_refusal("train", {config_path("configs/reference/cartpole.yaml"), "--resume", "halved"}, 2,
                 "algorithm.gamma is 0.9, not 0.99");
  expect_refusal("train", {"--resume", "halved", "--seed", "4"}, 2, "system.seed is 3, not 4");
  go_on_until_finished("halved");
  expect_equal("own", "halved");
}

}  // namespace
}  // namespace frost
