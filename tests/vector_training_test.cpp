#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/status.h"
#include "rl/gae.h"
#include "rl/minibatch.h"
#include "tools/trainer.h"

// PPO on environments that observe a vector: the programs' one path, with the options that
// published baselines use.
namespace frost {
namespace {

Config config_for(const std::string& environment, const std::string& more = "") {
  return parse_config("environment: {name: " + environment +
                          "}\n"
                          "system: {threads: 1, device: cpu}\n"
                          "trainer: {num_envs: 4, rollout_steps: 128, minibatch_size: 32}\n" +
                          more,
                      "x.yaml", {});
}

std::string problem(const std::string& text) {
  try {
    parse_config(text, "x.yaml", {});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

class VectorTraining : public testing::TestWithParam<const char*> {};

// One environment with choices, one with choices in several rows, one continuous, one with both.
TEST_P(VectorTraining, ResumingIsNeverHavingStopped) {
  const Config config = config_for(GetParam());
  Trainer whole(config, false), part(config, false), resumed(config, true);
  for (int i = 0; i < 3; ++i) whole.ppo().update();
  part.ppo().update();
  resumed.restore(part.checkpoint());
  for (int i = 0; i < 2; ++i) resumed.ppo().update();
  const SafetensorsFile want = whole.checkpoint(), got = resumed.checkpoint();
  EXPECT_EQ(got.metadata, want.metadata);
  ASSERT_EQ(got.tensors.size(), want.tensors.size());
  for (const auto& [name, tensor] : want.tensors) {
    EXPECT_TRUE(std::equal(tensor.bytes.begin(), tensor.bytes.end(),
                           got.tensors.at(name).bytes.begin(), got.tensors.at(name).bytes.end()))
        << name;
  }
}

// Where the environment has no reward components, the total is what the advantage comes from.
TEST_P(VectorTraining, TheTotalRewardMovesThePolicy) {
  Trainer trainer(config_for(GetParam()), false);
  const Metrics m = trainer.ppo().update();
  EXPECT_GT(m.at("losses/approx_kl"), 0);
  EXPECT_NE(m.at("losses/policy_loss") + m.at("losses/continuous_policy_loss"), 0);
}

INSTANTIATE_TEST_SUITE_P(Environments, VectorTraining,
                         testing::Values("CartPole-v1", "IdentityMultiDiscrete", "Pendulum-v1",
                                         "IdentityHybrid"));

TEST(VectorTraining, CartPoleIsLearned) {
  Config config = config_for("CartPole-v1", R"(
actor_critic: {backbone: {head_lr: 1e-3}}
algorithm: {total_updates: 60, enable_kl_early_stop: false, lr_schedule: {warmup_updates: 0}}
)");
  config.ppo.rollout_steps = 512;
  config.ppo.entropy_coeff_start = config.ppo.entropy_coeff_end = 0.005;
  Trainer trainer(config, false);
  std::vector<double> returns;
  for (int update = 0; update < config.ppo.total_updates; ++update) {
    trainer.ppo().update();
    for (const EpisodeRecord& e : trainer.ppo().finished_episodes()) {
      returns.push_back(e.episode_return);
    }
  }
  ASSERT_GT(returns.size(), 50U);
  const double first = std::accumulate(returns.begin(), returns.begin() + 20, 0.0) / 20;
  const double last = std::accumulate(returns.end() - 20, returns.end(), 0.0) / 20;
  EXPECT_LT(first, 50) << "a random policy";
  EXPECT_GT(last, 200);
}

TEST(VectorTraining, ValuesAreInUnitsOfTheRewardWithoutReturnNormalisation) {
  const auto deviation_after_an_update = [](const std::string& normalize) {
    Config config = config_for("Pendulum-v1");
    config.ppo.normalize_returns = normalize == "true";
    Trainer trainer(config, false);
    trainer.ppo().update();
    RunningNormalizer normalizer(kRewardComponents);
    normalizer.set_state(trainer.checkpoint().tensors.at("ppo.return_normalizer").to_doubles(""));
    return normalizer.deviation(kTotal);
  };
  EXPECT_EQ(deviation_after_an_update("false"), 1.0);
  EXPECT_GT(deviation_after_an_update("true"), 5.0);
}

/// The advantages of a minibatch as the loss sees them.
std::vector<float> advantages_of(AdvantageNormalization normalization) {
  Config config = config_for("CartPole-v1");
  config.ppo.advantage_normalization = normalization;
  Trainer trainer(config, false);
  Rollout rollout(trainer.backend().ledger(), config.ppo.num_envs, 32);
  trainer.ppo().collect(rollout);
  const RunningNormalizer identity(kRewardComponents);
  estimate_advantages(rollout, trainer.network(), trainer.environments().observations(), identity,
                      config.ppo);
  std::vector<const Transition*> some;
  for (const Transition* t : rollout.flat()) {
    if (some.size() < 10) some.push_back(t);
  }
  return make_minibatch(trainer.network(), rollout, some, identity, config.ppo,
                        trainer.environments().action_space())
      .discrete.advantage.to_host();
}

TEST(VectorTraining, AdvantagesAreStandardisedOverTheBatchOrTheMinibatch) {
  const std::vector<float> batch = advantages_of(AdvantageNormalization::kBatch);
  const std::vector<float> minibatch = advantages_of(AdvantageNormalization::kMinibatch);
  std::vector<double> want(batch.begin(), batch.end());
  standardise(want);
  double mean = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_NEAR(minibatch[i], want[i], 1e-5) << i;
    mean += batch[i] / static_cast<double>(want.size());
  }
  EXPECT_GT(std::abs(mean), 1e-3) << "ten transitions of 128 have a mean of their own";
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
  EXPECT_NE(problem(cartpole + "observation: {kind: image}").find("'observation.kind' is image"),
            std::string::npos);
  EXPECT_NE(problem(cartpole + "actor_critic: {backbone: {freeze_schedule: [{update: 5, "
                               "freeze_mode: none, backbone_lr: 1e-5}]}}")
                .find("freezes bodies"),
            std::string::npos);
  EXPECT_NE(problem("environment: {name: CartPole}").find("CartPole-v1"), std::string::npos);
  EXPECT_EQ(problem(cartpole + "actor_critic: {mlp_hidden: []}"), "accepted");
  EXPECT_NE(problem(cartpole + "actor_critic: {mlp_hidden: [64, 0]}").find("must be in [1, 65536]"),
            std::string::npos);
}

}  // namespace
}  // namespace frost
