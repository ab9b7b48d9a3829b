#include <chrono>
#include <regex>
#include <thread>

#include "tests/tools/programs_fixture.h"
#include "tests/tools/runs/started_program.h"

namespace frost {
namespace {

/// What is told of a run before it begins, or soon after.
class RunForecast : public ProgramsTest {
 protected:
  static void expect_speed(const std::string& text, const std::string& steps) {
    const std::regex line(
        "forecast: about [0-9.,]+ steps/s \\(collecting [0-9.,]+, learning [0-9.,]+\\); " + steps +
        " steps in about (a second|[0-9.]+ (seconds|minutes|hours|days))");
    EXPECT_TRUE(std::regex_search(text, line)) << text;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator(folder_), {}));
  }

  const std::string cartpole_ = config_path("configs/reference/cartpole.yaml");
  const std::string pictures_ = write("pictures.yaml",
                                      "environment: {name: PixelCartPole}\n"
                                      "observation: {frames: 2}\n"
                                      "actor_critic: {pretrained_weights: random, "
                                      "backbone: {tap: layer1}}\n"
                                      "algorithm: {total_updates: 40}\n"
                                      "trainer: {num_envs: 2, rollout_steps: 64, minibatch_size: "
                                      "16, update_epochs: 2}\n"
                                      "system: {device: cpu}\n");
};

TEST_F(RunForecast, OfARunThatDoesNotBegin) {
  const std::size_t before = files();
  const Outcome pictures = run("train", {pictures_, "--forecast"});
  ASSERT_EQ(pictures.status, 0) << pictures.err;
  for (const char* part :
       {"freeze mode:   all", "a state: 2 pictures of 84x84x3",
        "predicted for 2 environments, 64 steps, minibatches of 16: memory", "feature_cache"}) {
    EXPECT_NE(pictures.out.find(part), std::string::npos) << part << "\n" << pictures.out;
  }
  expect_speed(pictures.out, "2,560");
  const Outcome vectors =
      run("train", {cartpole_, "--forecast", "--set", "algorithm.total_updates=30", "--set",
                    "trainer.rollout_steps=512"});
  ASSERT_EQ(vectors.status, 0) << vectors.err;
  EXPECT_EQ(vectors.out.find("predicted"), std::string::npos) << vectors.out;
  expect_speed(vectors.out, "15,[0-9]{3}");
  EXPECT_EQ(files(), before);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--out", "run"}, {"--stop-after", "3"}, {"--profile"}}) {
    std::vector<std::string> arguments{cartpole_, "--forecast"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_refusal("train", arguments, 2, "--forecast begins no run");
  }
  expect_refusal("train", {"--forecast"}, 2, "--forecast begins no run");
}

TEST_F(RunForecast, VerifyFreezingEndsWithOneOfEachModeOfASchedule) {
  const Outcome outcome = run(
      "verify_freezing", {pictures_, "--set",
                          "actor_critic.backbone.freeze_schedule=[{update: 30, freeze_mode: none, "
                          "backbone_lr: 1.0e-5}]"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string text = outcome.out.substr(outcome.out.find("claims hold"));
  const std::size_t second = text.find("updates 31 to 40, freeze mode none:\n");
  ASSERT_NE(second, std::string::npos) << text;
  EXPECT_NE(text.find("updates 1 to 30, freeze mode all:\n"), std::string::npos) << text;
  expect_speed(text.substr(0, second), "1,920");
  expect_speed(text.substr(second), "640");
  EXPECT_NE(text.find("forecast of all: about "), std::string::npos) << text;
}

TEST_F(RunForecast, ALongRunTellsItOnceByItsFirstUpdates) {
  StartedProgram program(
      folder_, "train",
      {cartpole_, "--out", "run", "--quiet", "--set", "evaluation.every=0", "--set",
       "trainer.rollout_steps=512", "--set", "algorithm.total_updates=1000000"});
  const auto log = [&] { return read_text(folder_ / "run/run.log"); };
  const auto told = [&] { return log().find("at its peak\n") != std::string::npos; };
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!told() && std::chrono::steady_clock::now() < patience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  program.send(SIGTERM);
  EXPECT_EQ(program.wait(), 143);
  expect_speed(log(), "51[0-9],[0-9]{3},[0-9]{3}");
  EXPECT_TRUE(std::regex_search(
      log(), std::regex("an update holds [0-9.]+ MiB of rollout, 0.0 MiB of kept features, [0-9.]+ "
                        "MiB at its peak")))
      << log();
  EXPECT_EQ(log().find("forecast"), log().rfind("forecast"));
}

TEST_F(RunForecast, AShortRunTellsNone) {
  ASSERT_EQ(run("train", {cartpole_, "--out", "run", "--quiet", "--stop-after", "3"}).status, 0);
  EXPECT_EQ(read_text(folder_ / "run/run.log").find("forecast"), std::string::npos);
}

}  // namespace
}  // namespace frost
