#include "kernels/cpu_levels.h"
#include "tests/tools/programs_fixture.h"
#include "tools/reports/csv_table.h"

namespace frost {
namespace {

/// Runs twice with one seed and once in two halves: expects the same bytes, then evaluates.
class ReproducibleRun : public ProgramsTest {
 protected:
  void train(const std::string& config, std::vector<std::string> more) {
    std::vector<std::string> arguments = {
        config, "--quiet", "--set", "algorithm.total_updates=4", "--set", "evaluation.every=2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run("train", arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
  }

  void expect_reproducible(const std::string& config) {
    train(config, {"--out", "first"});
    train(config, {"--out", "second"});
    train(config, {"--out", "third", "--stop-after", "2"});
    EXPECT_NE(read_text(folder_ / "third/metrics.csv"), read_text(folder_ / "first/metrics.csv"));
    train(config, {"--resume", "third"});
    for (const char* file : {"metrics.csv", "evaluations.csv", "episodes.csv",
                             "checkpoints/last.safetensors", "checkpoints/best.safetensors"}) {
      const std::string first = read_text(folder_ / "first" / file);
      EXPECT_FALSE(first.empty() && std::string(file) != "episodes.csv") << file;
      EXPECT_TRUE(first == read_text(folder_ / "second" / file)) << file << " differs between runs";
      EXPECT_TRUE(first == read_text(folder_ / "third" / file)) << file << " differs when resumed";
    }
    train(config, {"--out", "other", "--seed", "1"});
    EXPECT_NE(read_text(folder_ / "other/metrics.csv"), read_text(folder_ / "first/metrics.csv"));
    const Outcome outcome = run("evaluate", {"first", "--episodes", "2", "--checkpoint", "last",
                                             "--sampled", "--deterministic"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    for (const char* part :
         {"last.safetensors after update 4", "sampled: 2 episodes", "argmax: 2 episodes"}) {
      EXPECT_NE(outcome.out.find(part), std::string::npos) << outcome.out;
    }
  }
};

TEST_F(ReproducibleRun, OnEveryLevelWithFusedMultiplyAdds) {
  if (cpu_levels().size() < 3) GTEST_SKIP() << "this CPU has fewer than two such levels";
  const auto on = [&](const std::string& level, std::vector<std::string> more) {
    environment_ = "FROST_ISA=" + level;
    train(config_path("configs/tiny.yaml"), std::move(more));
  };
  on("avx2", {"--out", "first"});
  on("avx512", {"--out", "second"});
  on("avx512", {"--out", "third", "--stop-after", "2"});
  on("avx2", {"--resume", "third"});
  for (const char* file : {"metrics.csv", "evaluations.csv", "checkpoints/last.safetensors"}) {
    const std::string first = read_text(folder_ / "first" / file);
    EXPECT_FALSE(first.empty()) << file;
    EXPECT_TRUE(first == read_text(folder_ / "second" / file)) << file << " differs by level";
    EXPECT_TRUE(first == read_text(folder_ / "third" / file)) << file << " differs when resumed";
  }
  for (const auto& [run, level] : {std::pair("first", "avx2"), std::pair("second", "avx512")}) {
    EXPECT_NE(read_text(folder_ / run / "run.json").find(level), std::string::npos);
  }
}

TEST_F(ReproducibleRun, OfColonies) {
  expect_reproducible(tiny_);
  EXPECT_NE(read_text(folder_ / "first/report.html").find("data:image/gif;base64,R0lG"),
            std::string::npos);
}

TEST_F(ReproducibleRun, OfAReferenceEnvironment) {
  const std::string config = config_path("configs/reference/cartpole.yaml");
  expect_reproducible(config);
  const std::string episodes = read_text(folder_ / "first/episodes.csv");
  EXPECT_GT(std::count(episodes.begin(), episodes.end(), '\n'), 40);
  for (const double value : CsvTable::read(folder_ / "first/episodes.csv").column("return")) {
    EXPECT_GE(value, 1.0);
  }

  expect_refusal("evaluate", {"first", "--set", "actor_critic.mlp_hidden=[64]"}, 1,
                 "superfluous: 'network.actor.hidden.1.bias'");

  const std::string out = (folder_ / "body.safetensors").string();
  expect_refusal("export_weights", {"first", "--part", "actor", "-o", out}, 1, "no ResNet bodies");
  for (const char* program : {"verify_freezing", "bench_freeze"}) {
    expect_refusal(program, {config}, 2, "needs ResNet bodies");
  }
  expect_refusal("evaluate", {"--policy", "half_delete", config}, 2,
                 "CartPole-v1 has no policy 'half_delete'");
}

}  // namespace
}  // namespace frost
