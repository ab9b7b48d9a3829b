#include "tests/tools/programs_fixture.h"

namespace frost {
namespace {

using Comparison = ProgramsTest;

TEST_F(Comparison, ShowsWhatRunsDifferInAndRefusesOtherFolders) {
  for (const char* gamma : {"0.99", "0.9"}) {
    const std::string setting = std::string("algorithm.gamma=") + gamma;
    ASSERT_EQ(run("train", {config_path("configs/reference/cartpole.yaml"), "--quiet", "--set",
                            "algorithm.total_updates=2", "--set", setting, "--out", gamma})
                  .status,
              0);
  }
  const Outcome outcome = run("compare", {"0.99", "0.9", "-o", "page.html"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "written: page.html\n");
  const std::string page = read_text(folder_ / "page.html");
  EXPECT_NE(page.find(">algorithm.gamma</th><td>0.99</td><td>0.9</td>"), page.npos);
  EXPECT_EQ(page.find(">algorithm.gae_lambda<"), page.npos) << "a setting that is the same";
  fs::remove(folder_ / "page.html");
  expect_refusal("compare", {"0.99", "-o", "page.html"}, 2, "needs two runs at least");
  expect_refusal("compare", {"0.99", ".", "-o", "page.html"}, 2, ". holds no config.yaml");
  expect_refusal("compare", {"0.99", "0.9"}, 2, "--out");
}

}  // namespace
}  // namespace frost
