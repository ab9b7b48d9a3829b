#include <nlohmann/json.hpp>

#include "tests/tools/config_problem.h"
#include "tests/tools/programs_fixture.h"
#include "tools/config/config_text.h"
#include "tools/config/environments.h"
#include "weights/sha256.h"

// Environments in shared libraries (docs/environments.md), by configurations and through programs.
namespace frost {
namespace {

std::string plugin(const std::string& name) {
  return std::string(FROST_PLUGIN_DIR) + "/" + name + ".so";
}

std::string configured(const std::string& name, const std::string& options = "{}") {
  return "environment: {name: " + plugin(name) + ", options: " + options + "}\n";
}

TEST(PluginConfig, KeepsTheFullPathAndTheOptions) {
  const Config config =
      parse_config(configured("counter", "{goal: 2, name: \"a: b\"}"), "x.yaml", {});
  EXPECT_EQ(config.environment_name, plugin("counter"));
  EXPECT_EQ(config.environment_options,
            (EnvironmentOptions::Values{{"goal", "2"}, {"name", "a: b"}}));
  EXPECT_EQ(config.environment.max_steps, 20);
  const Config again = parse_config(to_yaml(config), "y.yaml", {});
  EXPECT_EQ(to_yaml(again), to_yaml(config));
  EXPECT_EQ(again.environment_options, config.environment_options);

  const std::filesystem::path here = std::filesystem::current_path();
  const std::string relative = "./" + std::filesystem::relative(plugin("counter"), here).string();
  EXPECT_EQ(parse_config("environment: {name: " + relative + "}", "x.yaml", {}).environment_name,
            plugin("counter"));
}

TEST(PluginConfig, OptionsAndTimeLimitOfTheCommandLineCount) {
  const Config config = parse_config(configured("counter", "{goal: 2}"), "x.yaml",
                                     {"environment.options={limit: 9}", "environment.max_steps=5"});
  EXPECT_EQ(config.environment_options, (EnvironmentOptions::Values{{"limit", "9"}}));
  EXPECT_EQ(environment_spec(config).time_limit, 9);
  EXPECT_EQ(environment_factory(config)()->spec().time_limit, 5);
}

TEST(PluginConfig, AnOverrideMendsWhatTheFileNames) {
  const std::string gone = "environment: {name: /no/such.so, max_steps: 9}\n";
  EXPECT_EQ(problem(gone, {"environment.name=CartPole-v1"}), "accepted");
  EXPECT_EQ(problem(gone, {"environment.name=" + plugin("counter")}), "accepted");
  EXPECT_EQ(problem(configured("counter", "{gaol: 2}"), {"environment.options={goal: 2}"}),
            "accepted");
}

TEST(PluginConfig, RefusesWithThePlace) {
  EXPECT_EQ(problem("environment:\n  name: " + plugin("counter") + "\n  options: {gaol: 2}\n"),
            "x.yaml:3: environment.options: Counter has no option 'gaol'; it has goal, honest, "
            "limit, name, reward");
  EXPECT_EQ(problem("environment:\n  options: {goal: 2}\n  name: /no/such.so\n"),
            "x.yaml:3: /no/such.so does not exist: build it, or name another library");
  EXPECT_EQ(problem("environment: {name: CartPole-v1, options: {goal: 2}}"),
            "x.yaml:1: 'environment.options' has no effect: it needs an environment in a library, "
            "and CartPole-v1 shows a vector and acts by choices: remove it, or set "
            "environment.name to its path, as in ./libmine.so");
  EXPECT_EQ(problem(configured("counter", "[goal]")),
            "x.yaml:1: 'environment.options' is a list of 1, expected {name: value, ...}");
  EXPECT_EQ(problem(configured("counter", "{goal: [1]}")),
            "x.yaml:1: 'environment.options' has 'goal', which is a list of 1, expected text or a "
            "number");
  EXPECT_EQ(problem(configured("counter", "{goal: 1, goal: 2}")),
            "x.yaml:1: 'environment.options' has 'goal' twice");
  EXPECT_NE(problem("environment: {name: CartPole}").find("or the path of a library"),
            std::string::npos);
}

class PluginProgramsTest : public ProgramsTest {
 protected:
  /// A configuration that trains in a second; `options` are the environment's.
  std::string write_config(const std::string& library, const std::string& options = "{}") const {
    return write("mine.yaml", "environment: {name: " + library + ", options: " + options +
                                  "}\n"
                                  "algorithm: {total_updates: 4}\n"
                                  "trainer: {num_envs: 2, rollout_steps: 32, minibatch_size: 16}\n"
                                  "evaluation: {every: 2, episodes: 4}\n"
                                  "system: {device: cpu, threads: 1}\n");
  }
  nlohmann::json status_of(const std::string& run) const {
    return nlohmann::json::parse(read_text(folder_ / run / "run.json"));
  }
  static std::string sha256_of(const fs::path& file) {
    const std::string bytes = read_text(file);
    return sha256_hex(std::as_bytes(std::span(bytes)));
  }
};

TEST_F(PluginProgramsTest, ARunInALibraryTrainsAndGoesOnFromAnotherFolder) {
  fs::copy(plugin("counter"), folder_ / "libmine.so");
  const std::string config = write_config("./libmine.so", "{goal: 5}");
  ASSERT_EQ(run("train", {config, "--out", "whole", "--quiet"}).status, 0);
  ASSERT_EQ(run("train", {config, "--out", "parts", "--quiet", "--stop-after", "2"}).status, 0);
  EXPECT_EQ(status_of("parts")["environment"], (folder_ / "libmine.so").string());
  EXPECT_EQ(status_of("parts")["environment_sha256"], sha256_of(folder_ / "libmine.so"));

  fs::create_directory(folder_ / "elsewhere");
  environment_ = "cd elsewhere &&";
  const Outcome resumed = run("train", {"--resume", "../parts", "--quiet"});
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  environment_ = "";
  EXPECT_EQ(read_text(folder_ / "parts/metrics.csv"), read_text(folder_ / "whole/metrics.csv"));
  EXPECT_EQ(read_text(folder_ / "parts/run.log").find("another build"), std::string::npos);

  const Outcome evaluated = run("evaluate", {"parts", "--episodes", "3"});
  EXPECT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_EQ(evaluated.err.find("another build"), std::string::npos);
}

TEST_F(PluginProgramsTest, AnEnvironmentThatShowsPicturesTrainsBehindAFrozenBody) {
  const std::string config = write_config(plugin("own_picture_environment"), "{reach: 2}");
  const std::vector<std::string> small = {"--set", "actor_critic.pretrained_weights=random",
                                          "--set", "observation.frames=2",
                                          "--set", "evaluation.every=0"};
  const auto train = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), config);
    arguments.insert(arguments.end(), small.begin(), small.end());
    return run("train", arguments);
  };
  const Outcome whole = train({"--out", "whole", "--quiet", "--stop-after", "2"});
  ASSERT_EQ(whole.status, 0) << whole.err;
  ASSERT_EQ(train({"--out", "parts", "--quiet", "--stop-after", "1"}).status, 0);
  ASSERT_EQ(run("train", {"--resume", "parts", "--quiet", "--stop-after", "2"}).status, 0);
  EXPECT_EQ(read_text(folder_ / "parts/metrics.csv"), read_text(folder_ / "whole/metrics.csv"));
  const Outcome evaluated = run("evaluate", {"parts", "--episodes", "2"});
  EXPECT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_NE(evaluated.out.find("success"), std::string::npos) << evaluated.out;
}

TEST_F(PluginProgramsTest, AnotherBuildOfTheLibraryIsSaid) {
  const fs::path library = folder_ / "libmine.so";
  fs::copy(plugin("counter"), library);
  const std::string config = write_config("./libmine.so");
  ASSERT_EQ(run("train", {config, "--out", "run", "--quiet", "--stop-after", "1"}).status, 0);
  const std::string before = sha256_of(library);
  std::ofstream(library, std::ios::app) << "one more";  // a build of the same code
  const std::string note = "note: " + library.string() + " is another build than the checkpoint's" +
                           " (sha256 " + sha256_of(library) + ", was " + before + ")";
  const Outcome evaluated = run("evaluate", {"run", "--episodes", "3"});
  EXPECT_EQ(evaluated.status, 0);
  EXPECT_NE(evaluated.err.find(note), std::string::npos) << evaluated.err;
  ASSERT_EQ(run("train", {"--resume", "run", "--quiet"}).status, 0);
  EXPECT_NE(read_text(folder_ / "run/run.log").find(note), std::string::npos);
  EXPECT_EQ(status_of("run")["environment_sha256"], sha256_of(library));
}

TEST_F(PluginProgramsTest, WhatIsNoPluginEndsEveryProgramInOneLine) {
  const std::string other = write_config(plugin("other_version"));
  for (const char* program : {"train", "verify_freezing", "bench_freeze"}) {
    expect_refusal(program, {other}, 2, "frostline 0.0.1, headers 0, libstdc++ 1, this program");
  }
  expect_refusal("evaluate", {"--policy", "untrained", other}, 2, "rebuild it");
  expect_refusal("train", {write_config(plugin("no_entry"))}, 2, "FROST_ENVIRONMENT_PLUGIN");
  expect_refusal("train", {write_config("./gone.so")}, 2,
                 "mine.yaml:1: " + (folder_ / "gone.so").string() + " does not exist");
  expect_refusal("train", {write_config(plugin("failing"), "{in: make}")}, 1,
                 "failing.so could not make its environment: out of fuel");
}

TEST_F(PluginProgramsTest, AFailingStepEndsTheRunInOneLineThatNamesTheEnvironment) {
  for (const auto& [odd, cause] :
       {std::pair{"false", "out of fuel"}, std::pair{"true", "something that is no std::"}}) {
    const std::string run_folder = std::string("run_") + odd;
    const Outcome outcome =
        run("train", {write_config(plugin("failing"), std::string("{in: step, odd: ") + odd + "}"),
                      "--out", run_folder, "--quiet"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("error: update 1: environment Failing failed in step: " +
                                        std::string(cause)))
        << outcome.err;
    EXPECT_EQ(status_of(run_folder)["state"], "failed");
  }
}

}  // namespace
}  // namespace frost
