#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "tools/config/config_text.h"
#include "tools/runs/trainer.h"

// What an update says of itself.
namespace frost {
namespace {

/// 32 steps of each of four environments, whose episodes have 200.
Config pendulum() {
  return parse_config(
      "environment: {name: Pendulum-v1}\n"
      "system: {threads: 1, device: cpu}\n"
      "trainer: {num_envs: 4, rollout_steps: 128, minibatch_size: 32}\n",
      "x.yaml", {});
}

// Values are predicted under the statistics of the updates before; the first are the identity.
TEST(UpdateMetrics, TheExplainedVarianceIsOfValuesInTheUnitsTheyWerePredictedIn) {
  const Config config = pendulum();
  Trainer trainer(config, false);
  Rollout rollout(config.ppo.num_envs, 32);
  trainer.ppo().collect(rollout);
  const Metrics m = trainer.ppo().learn(rollout);
  const std::vector<const Transition*> all = std::as_const(rollout).flat();
  const auto variance = [&](const auto& number) {
    double mean = 0, squares = 0;
    for (const Transition* t : all) mean += number(*t) / static_cast<double>(all.size());
    for (const Transition* t : all) squares += std::pow(number(*t) - mean, 2);
    return squares / static_cast<double>(all.size());
  };
  const double left =
      variance([](const Transition& t) { return t.returns[0] - t.policy.values[0]; });
  const double whole = variance([](const Transition& t) { return t.returns[0]; });
  EXPECT_GT(whole, 1);
  EXPECT_NEAR(m.at("losses/explained_variance"), 1 - left / whole, 1e-6);
}

TEST(UpdateMetrics, WhatHasNoSampleIsNanUnderItsName) {
  Config config = pendulum();
  Trainer trainer(config, false);
  const Metrics none = trainer.ppo().update();
  EXPECT_EQ(none.at("charts/episodes_finished"), 0);
  for (const char* name : {"episodic_return", "episodic_length", "success_rate", "progress"}) {
    EXPECT_TRUE(std::isnan(none.at(std::string("charts/") + name))) << name;
  }
  config.ppo.target_kl = -1;  // the first minibatch ends the update
  Trainer stopped(config, false);
  const Metrics still = stopped.ppo().update();
  EXPECT_EQ(still.at("losses/minibatches"), 0);
  EXPECT_TRUE(std::isfinite(still.at("losses/approx_kl")));
  for (const char* name :
       {"losses/continuous_policy_loss", "losses/value_loss", "losses/continuous_entropy",
        "losses/total", "losses/clipfrac", "grad_norm/total", "grad_norm/heads"}) {
    EXPECT_TRUE(std::isnan(still.at(name))) << name;
  }
  config.ppo.target_kl = 100;
  config.ppo.rollout_steps = 1000;
  Trainer longer(config, false);
  const Metrics some = longer.ppo().update();
  EXPECT_EQ(some.at("charts/episodic_length"), 200);
  ASSERT_EQ(some.values().size(), none.values().size());
  for (std::size_t i = 0; i < some.values().size(); ++i) {
    EXPECT_EQ(some.values()[i].first, none.values()[i].first);
    EXPECT_TRUE(std::isfinite(some.values()[i].second)) << some.values()[i].first;
  }
}

}  // namespace
}  // namespace frost
