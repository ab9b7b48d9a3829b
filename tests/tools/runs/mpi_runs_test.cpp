#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/tools/programs_fixture.h"
#include "tests/tools/runs/started_program.h"

namespace frost {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Words = std::vector<std::string>;

const char* const kSmallColony =
    "environment: {substrate_params: {m: 0.05}, init_num_nodes: 2, max_critical_nodes: 6,\n"
    "              max_steps: 4}\n"
    "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: all}}\n";

/// Runs in several processes, with one thread each.
class MpiRuns : public ProgramsTest {
 protected:
  void SetUp() override {
#ifndef FROST_HAS_MPI
    GTEST_SKIP() << "the MPI module was not built: MPI was not found";
#endif
    if (std::system("command -v mpirun > /dev/null") != 0) GTEST_SKIP() << "there is no mpirun";
    for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"}) {
      ::setenv(name, "1", 1);
    }
  }

  /// Under AddressSanitizer without leaks: MPI keeps some of its memory until the process ends.
  static Words launcher(int processes) {
    return {"mpirun", "-x",  "ASAN_OPTIONS=detect_leaks=0", "--oversubscribe", "--bind-to",
            "none",   "-np", std::to_string(processes)};
  }

  Outcome run_on(int processes, const Words& arguments) {
    environment_.clear();
    for (const std::string& word : launcher(processes)) environment_ += word + " ";
    const Outcome outcome = run("train", arguments);
    environment_.clear();
    return outcome;
  }

  static Words with(Words arguments, const Words& settings) {
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return arguments;
  }

  /// Four shards of one or two environments, small updates.
  static Words small(const std::string& config, const std::string& out,
                     const Words& settings = {}) {
    return with(
        with({config, "--quiet", "--out", out},
             {"trainer.shards=4", "trainer.num_envs=8", "trainer.rollout_steps=64",
              "trainer.minibatch_size=16", "trainer.update_epochs=2", "trainer.checkpoint_every=2",
              "algorithm.total_updates=4", "evaluation.every=3", "evaluation.episodes=2",
              "system.threads=1", "system.device=cpu"}),
        settings);
  }

  void expect_equal(const std::string& first, const std::string& second) const {
    for (const char* file : {"metrics.csv", "evaluations.csv", "episodes.csv",
                             "checkpoints/last.safetensors", "checkpoints/best.safetensors"}) {
      const std::string want = read_text(folder_ / first / file);
      EXPECT_FALSE(want.empty()) << file;
      EXPECT_TRUE(want == read_text(folder_ / second / file)) << file << " of " << second;
    }
  }

  void expect_same_on_1_2_4(const std::string& config, const Words& settings = {}) {
    const Outcome alone = run("train", small(config, "on1", settings));
    ASSERT_EQ(alone.status, 0) << alone.err;
    for (const int processes : {2, 4}) {
      const std::string out = "on" + std::to_string(processes);
      const Outcome outcome = run_on(processes, small(config, out, settings));
      ASSERT_EQ(outcome.status, 0) << outcome.err;
      expect_equal("on1", out);
    }
  }

  std::string state_of(const std::string& out) const {
    return nlohmann::json::parse(read_text(folder_ / out / "run.json"))["state"];
  }

  std::size_t rows_of(const std::string& out) const {
    const std::string table = read_text(folder_ / out / "metrics.csv");
    return static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n'));
  }

  /// Waits until a run has logged rows; returns the process ids of its ranks, in their order.
  std::vector<pid_t> ranks_of(StartedProgram& program, const std::string& out, std::size_t rows) {
    while (rows_of(out) <= rows && program.running()) std::this_thread::sleep_for(milliseconds(2));
    std::map<int, pid_t> ranks;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::error_code other;
      const bool here = fs::read_symlink(entry.path() / "cwd", other) == folder_;
      const std::string environment = read_text(entry.path() / "environ");
      const std::string mark = "OMPI_COMM_WORLD_RANK=";
      const std::size_t at = environment.find(mark);
      if (!here || at == std::string::npos) continue;
      ranks[std::stoi(environment.substr(at + mark.size()))] =
          static_cast<pid_t>(std::stoi(entry.path().filename().string()));
    }
    std::vector<pid_t> ids;
    for (const auto& [rank, id] : ranks) ids.push_back(id);
    return ids;
  }

  /// What a run on four ranks says when rank 2 gets the signal, which ends all.
  std::string fault_of(int signal, const std::string& out) {
    const std::string command = "exec \"$@\" 2> " + out + ".err";
    Words before = {"sh", "-c", command, "sh"};
    for (const std::string& word : launcher(4)) before.push_back(word);
    StartedProgram program(
        folder_, "train",
        small(cartpole_, out, {"algorithm.total_updates=100000", "trainer.rank_timeout=3"}),
        before);
    const std::vector<pid_t> ranks = ranks_of(program, out, 4);
    EXPECT_EQ(ranks.size(), 4u);
    if (ranks.size() != 4) return "";
    ::kill(ranks[2], signal);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_NE(program.wait(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(15));
    for (const pid_t rank : ranks) {  // gone, or dead and not yet waited for
      const std::string status = read_text("/proc/" + std::to_string(rank) + "/status");
      EXPECT_TRUE(status.empty() || status.find("State:\tZ") != std::string::npos) << status;
    }
    EXPECT_EQ(run("evaluate", {out, "--episodes", "1", "--checkpoint", "last"}).status, 0);
    return read_text(folder_ / (out + ".err"));
  }

  const std::string cartpole_ = config_path("configs/reference/cartpole.yaml");
};

TEST_F(MpiRuns, OfChoicesGiveTheSameBitsOn1And2And4) {
  expect_same_on_1_2_4(cartpole_, {"algorithm.enable_kl_early_stop=true"});
}

TEST_F(MpiRuns, OfContinuousValuesGiveTheSameBitsAndStopAtTheDivergenceAlike) {
  expect_same_on_1_2_4(config_path("configs/reference/pendulum.yaml"),
                       {"environment.max_steps=10", "algorithm.enable_kl_early_stop=true",
                        "algorithm.target_kl=0.0001"});
}

TEST_F(MpiRuns, OfGraphsAndBothPartsGiveTheSameBits) {
  expect_same_on_1_2_4(write("graph.yaml", kSmallColony),
                       {"trainer.rollout_steps=16", "trainer.update_epochs=1",
                        "evaluation.episodes=1", "algorithm.two_stage_curriculum.stage=2",
                        "trainer.gradient_scaling.enable_adaptive_scaling=true",
                        "trainer.gradient_scaling.warmup_steps=1"});
}

TEST_F(MpiRuns, OfPicturesWithAFreezeScheduleGiveTheSameBits) {
  expect_same_on_1_2_4(write("image.yaml", std::string(kSmallColony) +
                                               "observation: {kind: image, image_size: 24}\n"),
                       {"trainer.rollout_steps=16", "trainer.update_epochs=1",
                        "algorithm.total_updates=3", "evaluation.episodes=1",
                        "actor_critic.backbone.freeze_schedule=[{update: 2, freeze_mode: layer4.1, "
                        "backbone_lr: 1e-4}]"});
}

TEST_F(MpiRuns, StoppedByASignalToAnyRankGoOnWithAnotherNumberOfThem) {
  const Words longer = {"algorithm.total_updates=20", "evaluation.every=8",
                        "trainer.rollout_steps=256"};
  ASSERT_EQ(run("train", small(cartpole_, "whole", longer)).status, 0);
  for (const auto& [signal, status] : {std::pair(SIGTERM, 143), std::pair(SIGUSR1, 75)}) {
    const std::string out = "signal" + std::to_string(signal);
    StartedProgram program(folder_, "train", small(cartpole_, out, longer), launcher(4));
    const std::vector<pid_t> ranks = ranks_of(program, out, 3);
    ASSERT_EQ(ranks.size(), 4u);
    ::kill(ranks[3], signal);
    EXPECT_EQ(program.wait(), status);
    EXPECT_EQ(state_of(out), "stopped");
    EXPECT_LT(rows_of(out), 21u);
    const Outcome outcome = signal == SIGTERM ? run_on(2, {"--resume", out, "--quiet"})
                                              : run("train", {"--resume", out, "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(state_of(out), "finished");
    expect_equal("whole", out);
  }
}

TEST_F(MpiRuns, EndTogetherWhereARankIsKilled) {
  const std::string said = fault_of(SIGKILL, "killed");
  EXPECT_NE(said.find("rank 2"), std::string::npos) << said;
}

TEST_F(MpiRuns, EndTogetherWhereARankHangs) {
  const std::string said = fault_of(SIGSTOP, "stopped");
  EXPECT_NE(said.find("error: waited 3 seconds for rank 2 on "), std::string::npos) << said;
}

TEST_F(MpiRuns, SayInOneLineWhatWasWrongAndWhere) {
  const auto expect_line = [&](const Outcome& outcome, const std::string& part) {
    EXPECT_NE(outcome.status, 0);
    std::istringstream lines(outcome.err);
    int errors = 0;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("error: rank ")) continue;
      ++errors;
      EXPECT_NE(line.find(part), std::string::npos) << line;
    }
    EXPECT_EQ(errors, 1) << outcome.err;
  };
  expect_line(run_on(4, small(cartpole_, "few", {"trainer.shards=2"})), "too few for 4 processes");
  expect_line(
      run_on(2, small(cartpole_, "huge",
                      {"actor_critic.backbone.head_lr=1e30", "algorithm.enable_kl_early_stop=false",
                       "algorithm.max_grad_norm=1e30"})),
      "is not finite");
  ASSERT_EQ(run("train", small(cartpole_, "there")).status, 0);
  expect_line(run_on(2, small(cartpole_, "there")), "already holds a run");
}

TEST_F(MpiRuns, RefuseProcessesThatAreNotAlike) {
  // Every rank reads the file of its own number.
  for (const char* rank : {"0", "1"}) {
    write(std::string("rank") + rank + ".yaml",
          std::string("environment: {name: CartPole-v1}\ntrainer: {shards: 2, num_envs: 2}\n"
                      "algorithm: {gamma: 0.9") +
              rank + "}\n");
  }
  const std::string script =
      write("start.sh", "exec '" + program_path("train").string() +
                            "' rank$OMPI_COMM_WORLD_RANK.yaml --out unlike --threads 1 --quiet\n");
  const std::string command =
      "cd '" + folder_.string() + "' && mpirun --oversubscribe -np 2 sh start.sh 2> unlike.err";
  EXPECT_NE(std::system(command.c_str()), 0);
  const std::string said = read_text(folder_ / "unlike.err");
  EXPECT_NE(said.find("rank 1 on "), std::string::npos) << said;
  EXPECT_NE(said.find("has another configuration"), std::string::npos) << said;
  EXPECT_FALSE(fs::exists(folder_ / "unlike"));
}

}  // namespace
}  // namespace frost
