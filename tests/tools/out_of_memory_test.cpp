#include "kernels/out_of_memory.h"

#include <fmt/format.h>

#include "tests/tools/programs_fixture.h"

// Programs that may not have the memory they ask for.
namespace frost {
namespace {

constexpr const char* kAdvice =
    "; lower trainer.minibatch_size, trainer.rollout_steps or trainer.num_envs, or freeze more "
    "(actor_critic.backbone.freeze_mode)\nmemory (MiB)        live       peak\n  parameters ";

class OutOfMemory : public ProgramsTest {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer reserves more addresses than any limit allows";
#endif
  }

  /// A training with two threads, in at most so much address space.
  Outcome train_within(int mebibytes, const std::vector<std::string>& more = {}) {
    environment_ = fmt::format("sh -c 'ulimit -v {} && exec \"$0\" \"$@\"'", mebibytes * 1024);
    std::vector<std::string> arguments = {
        tiny_,          "--quiet", "--threads", "2",
        "--stop-after", "1",       "--out",     fmt::format("run{}", mebibytes)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run("train", arguments);
  }
};

/// Expects the one error, and the table below it.
void expect_table(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("error: out of memory")) << outcome.err;
  EXPECT_NE(outcome.err.find(kAdvice), std::string::npos) << outcome.err;
  const std::size_t total = outcome.err.find("\n  total ");
  ASSERT_NE(total, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n', total + 1), outcome.err.size() - 1) << outcome.err;
}

TEST_F(OutOfMemory, EndsInOneErrorWithTheTableWhereverItIsMet) {
  int refused = 0, status = 1;
  for (int mebibytes = 64; status != 0 && mebibytes <= 4096; mebibytes += mebibytes / 2) {
    SCOPED_TRACE(fmt::format("{} MiB", mebibytes));
    const Outcome outcome =
        train_within(mebibytes, {"--set", "actor_critic.backbone.freeze_mode=none"});
    status = outcome.status;
    if (status == 127) continue;  // too little to load the program
    if (status == 0) break;
    ++refused;
    expect_table(outcome);
    const fs::path folder = folder_ / fmt::format("run{}", mebibytes);
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
    }
    EXPECT_NE(read_text(folder / "run.json").find("failed"), std::string::npos);
  }
  EXPECT_EQ(status, 0) << "with enough memory it runs";
  EXPECT_GE(refused, 4);
}

TEST_F(OutOfMemory, AHugeRequestOfAConfigurationEndsLikewise) {
  expect_table(train_within(2048, {"--set", "environment.name=CartPole-v1", "--set",
                                   "actor_critic.mlp_hidden=[65536,65536]"}));
  const Outcome outcome = train_within(2048, {"--set", "trainer.minibatch_size=2000000000"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("trainer.minibatch_size"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace frost
