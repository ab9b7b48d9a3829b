#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "models/policies/policy_factory.h"
#include "rl/ppo/gae.h"
#include "rl/ppo/minibatch.h"
#include "tests/engine/errors.h"
#include "tests/rl/same_state.h"
#include "tools/runs/trainer.h"

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

/// Expects that three updates equal one, a checkpoint and two more.
void expect_resumable(const Config& config) {
  Trainer whole(config, false), part(config, false), resumed(config, true);
  for (int i = 0; i < 3; ++i) whole.ppo().update();
  part.ppo().update();
  resumed.restore(part.checkpoint());
  for (int i = 0; i < 2; ++i) resumed.ppo().update();
  expect_same_checkpoint(resumed.checkpoint(), whole.checkpoint());
}

class VectorTraining : public testing::TestWithParam<const char*> {};

// One environment with choices, one with choices in several rows, one continuous, one with both.
TEST_P(VectorTraining, ResumingIsNeverHavingStopped) {
  expect_resumable(config_for(GetParam()));
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

/// A ring of four states that the episode walks round whatever is done, with reward 1 for ever; a
/// time limit cuts it.
class EndlessRing : public Environment {
 public:
  EndlessRing() : Environment(describe()) {}
  void reset(std::uint64_t seed) override { at_ = static_cast<std::size_t>(seed % 4), steps_ = 0; }
  StepResult step(const Action&) override {
    at_ = (at_ + 1) % 4;
    StepResult result;
    result.reward = {1};
    result.truncated = ++steps_ == 25;
    if (result.truncated) result.ending = EnvironmentSpec::kTimeLimit;
    return result;
  }
  Observation observe() const override {
    VectorObservation o{std::vector<float>(4, 0.0f)};
    o.values[at_] = 1;
    return o;
  }
  int episode_steps() const override { return steps_; }

 private:
  static EnvironmentSpec describe() {
    EnvironmentSpec spec;
    spec.name = "EndlessRing";
    spec.observation = VectorSpec{4};
    spec.actions.choices = 2;
    return spec;
  }

  std::size_t at_ = 0;
  int steps_ = 0;
};

TEST(VectorEnvironments, TakeOneActionEach) {
  VectorEnvironment environments([] { return std::make_unique<EndlessRing>(); }, 4, 1);
  EXPECT_EQ(error_of([&] { environments.step(std::vector<Action>(3)); }),
            "[vector_environment] 3 actions for 4 environments");
}

// A critic that took the time limit for the end of the world would settle near 6.7, not at
// 1 / (1 - gamma) = 10.
TEST(EndlessRing, TheLearnedValueIsThatOfNeverEnding) {
  ActorCriticConfig model;
  model.observation = ObservationKind::kVector;
  model.vector_size = 4;
  model.choices = 2;
  model.mlp_hidden = {16};
  model.head_lr = 1e-2;
  Backend& backend = cpu_backend();
  const auto network = make_policy_network(backend, model);
  RandomStream random(2, StreamPurpose::kInit);
  network->initialize(random, true);
  Adam optimizer(network->param_groups());
  VectorEnvironment environments([] { return std::make_unique<EndlessRing>(); }, 4, 1);
  PpoConfig config;
  config.total_updates = 120;
  config.num_envs = 4;
  config.rollout_steps = 256;
  config.gamma = 0.9;
  config.normalize_returns = false;
  config.value_loss = ValueLossKind::kSquared;
  config.enable_kl_early_stop = false;
  config.max_grad_norm = 10;
  Ppo ppo(*network, optimizer, environments, config, 3);
  for (int update = 0; update < config.total_updates; ++update) ppo.update();
  for (const auto& value : state_values(*network, environments.observations())) {
    EXPECT_NEAR(value[kTotal], 10.0, 0.05);
  }
}

constexpr const char* kAdaptive =
    "algorithm: {lr_schedule: {kind: kl_adaptive, warmup_updates: 0, target_kl: 1e-4}}\n";

TEST(KlAdaptiveTraining, TheRateFollowsTheDivergenceOfTheUpdateBefore) {
  Trainer trainer(config_for("CartPole-v1", kAdaptive), false);
  double rate = 3e-4;
  int moves = 0;
  for (int update = 0; update < 6; ++update) {
    const Metrics m = trainer.ppo().update();
    EXPECT_DOUBLE_EQ(m.at("lr/heads"), rate);
    const double next = KlAdaptation{1e-4, 1e-5, 1e-2}.next_rate(rate, m.at("losses/approx_kl"));
    moves += next != rate;
    rate = next;
  }
  EXPECT_GT(moves, 0);
}

// What was accepted before stays below the target: the minibatch that stopped is all that tells.
TEST(KlAdaptiveTraining, TheRateFallsWhenTheDivergenceEndsTheUpdate) {
  Trainer trainer(config_for("CartPole-v1",
                             "actor_critic: {backbone: {head_lr: 0.1}}\n"
                             "algorithm: {lr_schedule: {kind: kl_adaptive, warmup_updates: 0}}\n"),
                  false);
  const Metrics first = trainer.ppo().update();
  EXPECT_EQ(first.at("lr/heads"), 0.1);
  const double accepted = first.at("losses/minibatches"), last = first.at("losses/last_kl");
  ASSERT_LE(accepted, 2);
  EXPECT_GT(last, 1);
  EXPECT_GE(first.at("losses/approx_kl"), last / (accepted + 1));
  EXPECT_LE(first.at("losses/approx_kl"), (last + 0.03 * accepted) / (accepted + 1));
  EXPECT_DOUBLE_EQ(trainer.ppo().update().at("lr/heads"), 0.1 / 1.5);
}

TEST(KlAdaptiveTraining, ResumingIsNeverHavingStopped) {
  expect_resumable(config_for("CartPole-v1", kAdaptive));
}

/// Both parts of the policy under scaled losses, whose weights move from the fourth minibatch on.
Config scaled() {
  Config config = config_for("IdentityHybrid");
  config.ppo.scale_policy_losses = true;
  config.ppo.gradient_scaling.warmup_calls = 3;
  return config;
}

TEST(ScaledLosses, ResumingIsNeverHavingStopped) {
  expect_resumable(scaled());
}

TEST(ScaledLosses, WeightsAreTheBaseOnesInTheWarmUpAndMoveThen) {
  Config config = scaled();
  config.ppo.update_epochs = 1;
  config.ppo.minibatch_size = config.ppo.rollout_steps;
  Trainer trainer(config, false);
  for (int update = 1; update < 6; ++update) {
    const Metrics m = trainer.ppo().update();
    const double discrete = m.at("losses/discrete_weight");
    EXPECT_NEAR(discrete + m.at("losses/continuous_weight"), 1.0, 1e-12);
    if (update < 3) {
      EXPECT_EQ(discrete, 0.7);
    } else {
      EXPECT_NE(discrete, 0.7);
    }
  }
}

// The norms that are scaled by are those of an update that learns from one loss alone.
TEST(ScaledLosses, NormsAreThoseOfEachLossAlone) {
  Config config = scaled();
  config.ppo.update_epochs = 1;
  config.ppo.minibatch_size = config.ppo.rollout_steps;
  Trainer trainer(config, false);
  trainer.ppo().update();
  const std::vector<double> norms =
      trainer.checkpoint().tensors.at("ppo.gradient_scaling").to_doubles("");
  config.ppo.scale_policy_losses = false;
  config.ppo.entropy_coeff_start = config.ppo.entropy_coeff_end = config.ppo.value_loss_coeff = 0;
  config.ppo.min_entropy_threshold = config.ppo.min_continuous_entropy = 0;
  for (const std::size_t part : {0u, 1u}) {
    config.ppo.discrete_weight = part == 0 ? 1 : 0;
    config.ppo.continuous_weight = part == 1 ? 1 : 0;
    Trainer alone(config, false);
    EXPECT_NEAR(alone.ppo().update().at("grad_norm/total"), norms[part], 1e-6 * norms[part]);
    EXPECT_GT(norms[part], 0);
  }
}

TEST(ScaledLosses, AreLeftAloneWhereOnePartExists) {
  Config config = scaled();
  config.environment_name = "CartPole-v1";
  Trainer trainer(config, false);
  for (int update = 0; update < 3; ++update) {
    EXPECT_NEAR(trainer.ppo().update().at("losses/discrete_weight"), 0.7, 1e-12);
  }
  EXPECT_EQ(trainer.checkpoint().tensors.at("ppo.gradient_scaling").to_doubles("")[2], 0.0);
}

TEST(VectorTraining, ValuesAreInUnitsOfTheRewardWithoutReturnNormalisation) {
  const auto deviation_after_an_update = [](const std::string& normalize) {
    Config config = config_for("Pendulum-v1");
    config.ppo.normalize_returns = normalize == "true";
    Trainer trainer(config, false);
    trainer.ppo().update();
    RunningNormalizer normalizer(1);
    EXPECT_TRUE(normalizer.set_state(
        trainer.checkpoint().tensors.at("ppo.return_normalizer").to_doubles("")));
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
  Rollout rollout(config.ppo.num_envs, 32);
  trainer.ppo().collect(rollout);
  const RunningNormalizer identity(1);
  rollout.set_estimates(estimate_advantages(rollout, trainer.network(),
                                            trainer.environments().observations(), identity, {1.0},
                                            config.ppo));
  std::vector<const Transition*> some;
  for (const Transition* t : rollout.flat()) {
    if (some.size() < 10) some.push_back(t);
  }
  return make_minibatch(trainer.network(), rollout, some, identity, config.ppo,
                        trainer.environments().spec())
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

}  // namespace
}  // namespace frost
