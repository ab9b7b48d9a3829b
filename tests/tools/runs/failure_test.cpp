#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/programs_fixture.h"

namespace frost {
namespace {

/// A training whose first step throws the parameters out of the range of float32.
class Failure : public ProgramsTest {
 protected:
  Outcome train(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {config_path("configs/reference/cartpole.yaml"),
                                          "--quiet",
                                          "--out",
                                          "run",
                                          "--set",
                                          "algorithm.max_grad_norm=1e30",
                                          "--set",
                                          "algorithm.lr_schedule.warmup_updates=0",
                                          "--set",
                                          "actor_critic.backbone.head_lr=1e30"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run("train", arguments);
  }
};

TEST_F(Failure, ANumberThatIsNotFiniteIsNamedWithItsOperationAndCanBeMetAgain) {
  const Outcome outcome = train();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("error: update 1: ")) << outcome.err;
  EXPECT_NE(outcome.err.find("not finite"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--replay run/failures/update-1.safetensors"), std::string::npos)
      << outcome.err;
  const std::string first = "first of all: ";
  const std::size_t at = outcome.err.find(first);
  ASSERT_NE(at, std::string::npos) << outcome.err;
  const std::string operation =
      outcome.err.substr(at, outcome.err.find("; the state before it") - at);
  EXPECT_NE(operation.find('['), std::string::npos) << operation;
  EXPECT_EQ(nlohmann::json::parse(read_text(folder_ / "run/run.json"))["state"], "failed");

  const std::string state = "run/failures/update-1.safetensors";
  const Outcome replayed = run("train", {"--replay", state});
  EXPECT_EQ(replayed.status, 1) << replayed.err;
  EXPECT_NE(replayed.out.find(operation), std::string::npos)
      << "named before: " << operation << "\nnow: " << replayed.out;
  const Outcome inspected = run("inspect_weights", {state});
  EXPECT_EQ(inspected.status, 0) << inspected.err;
  EXPECT_NE(inspected.out.find("network.actor.hidden.0.weight"), std::string::npos);
}

TEST_F(Failure, AnEvaluationLeavesAStateToo) {
  const Outcome outcome =
      train({"--set", "trainer.rollout_steps=64", "--set", "trainer.minibatch_size=64", "--set",
             "trainer.update_epochs=1", "--set", "evaluation.every=1", "--set",
             "actor_critic.backbone.head_lr=3e38"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.starts_with("error: update 1: ")) << outcome.err;
  EXPECT_NE(outcome.err.find("first of all: ["), std::string::npos) << outcome.err;
  const std::string state = "run/failures/update-2.safetensors";
  EXPECT_TRUE(fs::exists(folder_ / state)) << outcome.err;
  EXPECT_EQ(run("train", {"--replay", state}).status, 1);
}

TEST_F(Failure, WhereNoStateCanBeLeftTheNumberIsToldAllTheSame) {
  fs::create_directory(folder_ / "run");
  write("run/failures", "a file in the place of the folder");
  const Outcome outcome = train();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.starts_with("error: update 1: ")) << outcome.err;
  EXPECT_NE(outcome.err.find("not finite; its state could not be written: "), std::string::npos)
      << outcome.err;
}

TEST_F(Failure, AStateThatMeetsNothingSaysSo) {
  const Outcome outcome = run("train", {config_path("configs/reference/cartpole.yaml"), "--quiet",
                                        "--out", "run", "--stop-after", "1"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Outcome replayed = run("train", {"--replay", "run/checkpoints/last.safetensors"});
  EXPECT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_NE(replayed.out.find("every value is finite"), std::string::npos) << replayed.out;
  expect_refusal("train", {"--replay", "run/checkpoints/last.safetensors", "--out", "other"}, 2,
                 "--replay repeats one step");
  expect_refusal("train", {"--replay", "run/checkpoints/last.safetensors", "--seed", "7"}, 2,
                 "system.seed is 0, not 7");
  expect_refusal("train", {}, 2, "CONFIG is required, or --resume RUN");
}

}  // namespace
}  // namespace frost
