#include <gtest/gtest.h>

#include "kernels/errors.h"
#include "tools/config/config_text.h"
#include "tools/config/environments.h"

namespace frost {
namespace {

std::string problem(const std::string& text) {
  try {
    parse_config(text, "x.yaml", {});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(VectorConfig, TotalStepsAreWholeUpdates) {
  const auto updates = [](const std::string& text, const std::vector<std::string>& overrides) {
    return parse_config("trainer: {rollout_steps: 512}\n" + text, "x.yaml", overrides)
        .ppo.total_updates;
  };
  EXPECT_EQ(updates("algorithm: {total_steps: 500000}", {}), 977);
  EXPECT_EQ(updates("algorithm: {total_steps: 512}", {}), 1);
  EXPECT_EQ(updates("algorithm: {total_steps: 5120}", {"algorithm.total_updates=3"}), 3);
  EXPECT_EQ(updates("algorithm: {total_updates: 3}", {"algorithm.total_steps=5120"}), 10);
  EXPECT_EQ(updates("algorithm: {total_updates: 3, total_steps: 0}", {}), 3);
  EXPECT_NE(problem("algorithm: {total_updates: 3, total_steps: 5120}").find("keep one"),
            std::string::npos);
  EXPECT_NE(problem("algorithm: {total_steps: 5120, total_updates: 3}").find("keep one"),
            std::string::npos);
}

TEST(VectorConfig, WhatOnlyColoniesHaveIsRefusedElsewhere) {
  const std::string cartpole = "environment: {name: CartPole-v1}\n";
  EXPECT_NE(problem(cartpole + "observation: {kind: image}")
                .find("'observation.kind' has no effect: it needs the durotaxis environment"),
            std::string::npos);
  EXPECT_NE(problem(cartpole + "actor_critic: {backbone: {freeze_schedule: [{update: 5, "
                               "freeze_mode: none, backbone_lr: 1e-5}]}}")
                .find("it needs ResNet bodies"),
            std::string::npos);
  EXPECT_NE(problem("environment: {name: CartPole}").find("CartPole-v1"), std::string::npos);
  EXPECT_EQ(problem(cartpole + "actor_critic: {mlp_hidden: []}"), "accepted");
  EXPECT_NE(problem(cartpole + "actor_critic: {mlp_hidden: [64, 0]}").find("must be in [1, 65536]"),
            std::string::npos);
}

TEST(VectorConfig, TheTimeLimitIsTheConfiguredOneElseItsOwn) {
  const Config own =
      parse_config("environment: {name: Pendulum-v1}\nsystem: {device: cpu}", "x.yaml", {});
  const Config set = parse_config(
      "environment: {name: Pendulum-v1, max_steps: 7}\nsystem: {device: cpu}", "x.yaml", {});
  EXPECT_EQ(own.environment.max_steps, 200);
  for (const auto& [config, steps] : {std::pair{own, 200}, std::pair{set, 7}}) {
    const auto environment = environment_factory(config)();
    EXPECT_EQ(environment->spec().time_limit, steps);
    environment->reset(1);
    StepResult result;
    while (!result.done()) result = environment->step({{}, {0.5f}});
    EXPECT_EQ(environment->episode_steps(), steps);
    EXPECT_TRUE(result.truncated);
    EXPECT_EQ(environment->progress(), 1);
  }
}

TEST(VectorConfig, GroupsMayHaveASchedule) {
  const std::string head = "algorithm: {lr_schedule: {groups: ";
  const std::string cosine = "kind: cosine, warmup_updates: 5, final_fraction: 0}";
  const Config config = parse_config(head + "[{group: backbone, " + cosine + "]}}", "x.yaml", {});
  ASSERT_EQ(config.ppo.group_schedules.size(), 1U);
  EXPECT_EQ(config.ppo.group_schedules[0].group, "backbone");
  EXPECT_EQ(config.ppo.group_schedules[0].schedule.kind, LrSchedule::Kind::kCosine);
  EXPECT_EQ(to_yaml(parse_config(to_yaml(config), "y.yaml", {})), to_yaml(config));
  const auto says = [&](const std::string& groups, const std::string& text) {
    EXPECT_NE(problem(head + groups + "}}").find(text), std::string::npos)
        << problem(head + groups + "}}");
  };
  says("[{group: body, " + cosine + "]", "'group', which is 'body'");
  says("[{group: heads, kind: cosine}]", "lacks 'final_fraction'");
  says("[{group: heads, " + cosine + ", {group: heads, " + cosine + "]",
       "second for group 'heads'");
  EXPECT_NE(problem("algorithm: {lr_schedule: {min_lr: 1, max_lr: 0.1}}").find("at most"),
            std::string::npos);
}

}  // namespace
}  // namespace frost
