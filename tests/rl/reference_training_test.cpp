#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "rl/environment_registry.h"
#include "tests/golden_files.h"
#include "tools/config/config.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

const std::filesystem::path kConfigs = source_path("configs/reference");

TEST(ReferenceConfigurations, EveryEnvironmentHasOne) {
  std::set<std::string> configured;
  for (const std::filesystem::path& folder : {kConfigs, source_path("configs/pixels")}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      configured.insert(load_config(entry.path(), {}).environment_name);
    }
  }
  const std::vector<std::string> names = environment_names();
  EXPECT_EQ(configured, std::set<std::string>(names.begin(), names.end()));
}

class IdentityTraining : public testing::TestWithParam<const char*> {};

TEST_P(IdentityTraining, EarnsNinetyOfAHundredAfter1200Steps) {
  const Config config =
      load_config(kConfigs / (std::string(GetParam()) + ".yaml"), {"system.seed=1"});
  Trainer trainer(config, false);
  while (trainer.ppo().updates() < config.ppo.total_updates) trainer.ppo().update();
  EXPECT_EQ(trainer.ppo().global_step(), 1200);
  EvaluationResult result;
  trainer.evaluate_and_rank(result);
  EXPECT_GE(result.mean_return(), 90.0);
}

INSTANTIATE_TEST_SUITE_P(All, IdentityTraining,
                         testing::Values("identity_discrete", "identity_multi_discrete",
                                         "identity_box", "identity_hybrid"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace frost
