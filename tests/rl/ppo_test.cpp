#include "rl/ppo/ppo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "models/policies/graph_actor_critic.h"
#include "rl/envs/durotaxis/durotaxis.h"
#include "rl/ppo/loss_terms.h"
#include "tests/rl/same_state.h"

namespace frost {
namespace {

/// A small learner on random weights.
struct Learner {
  explicit Learner(const PpoConfig& ppo_config, int stage = 1) : config(ppo_config) {
    ActorCriticConfig model;
    model.value_components = 6;
    model.encoder.num_layers = 2;
    model.continuous_dims = stage == 2 ? 4 : 0;
    network = std::make_unique<GraphActorCritic>(cpu_backend(), model);
    RandomStream random(3, StreamPurpose::kInit);
    network->initialize(random, true);
    optimizer = std::make_unique<Adam>(network->param_groups());
    DurotaxisConfig durotaxis;
    durotaxis.substrate.m = 0.05;
    durotaxis.max_critical_nodes = 24;
    durotaxis.threshold_critical_nodes = 32;
    durotaxis.spawn.stage = stage;
    environments = std::make_unique<VectorEnvironment>(
        [durotaxis] { return std::make_unique<Durotaxis>(durotaxis); }, config.num_envs, 5);
    ppo = std::make_unique<Ppo>(*network, *optimizer, *environments, config, 7);
  }

  PpoConfig config;
  std::unique_ptr<GraphActorCritic> network;
  std::unique_ptr<Adam> optimizer;
  std::unique_ptr<VectorEnvironment> environments;
  std::unique_ptr<Ppo> ppo;
};

PpoConfig one_minibatch() {
  PpoConfig c;
  c.num_envs = 2;
  c.rollout_steps = 16;
  c.minibatch_size = 16;
  c.update_epochs = 1;
  return c;
}

class ZeroUpdate : public testing::TestWithParam<SurrogateRatio> {};

// Before the first optimizer step the policy is the one that acted: ratio 1, no divergence.
TEST_P(ZeroUpdate, RatioIsOneAndNothingIsClipped) {
  for (const int stage : {1, 2}) {
    PpoConfig config = one_minibatch();
    config.ratio = GetParam();
    Learner learner(config, stage);
    const Metrics m = learner.ppo->update();
    EXPECT_EQ(m.at("losses/minibatches"), 1);
    EXPECT_NEAR(m.at("losses/approx_kl"), 0, 1e-8);
    EXPECT_EQ(m.at("losses/clipfrac"), 0);
    // With ratio 1 the surrogate is minus the mean standardised advantage.
    EXPECT_NEAR(m.at("losses/policy_loss"), 0, 1e-4);
    EXPECT_GT(m.at("grad_norm/encoder"), 0);
    EXPECT_EQ(m.at("losses/continuous_entropy") != 0, stage == 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Ratios, ZeroUpdate,
                         testing::Values(SurrogateRatio::kPerNode, SurrogateRatio::kJoint));

TEST(Ppo, NanInAWeightStopsTheRunWithAName) {
  Learner learner(one_minibatch());
  for (NamedTensor& p : learner.network->parameters()) {
    if (p.name != "actor.discrete.weight") continue;
    std::vector<float> values = p.tensor.to_host();
    values[3] = std::numeric_limits<float>::quiet_NaN();
    p.tensor.copy_from_host(values);
  }
  try {
    learner.ppo->update();
    FAIL() << "a NaN went through";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("the logits of row"), std::string::npos) << e.what();
  }
}

TEST(Ppo, StopsEpochsAtTheTargetDivergence) {
  PpoConfig config = one_minibatch();
  config.update_epochs = 4;
  config.target_kl = 1e-12;
  Learner learner(config);
  const Metrics m = learner.ppo->update();
  EXPECT_EQ(m.at("losses/minibatches"), 1);
  EXPECT_GT(m.at("losses/last_kl"), 1e-12);
}

TEST(Ppo, LearningRatesFollowTheScheduleOverUpdates) {
  PpoConfig config = one_minibatch();
  config.total_updates = 4;
  config.lr_schedule = {LrSchedule::Kind::kLinear, 0, 4, 0.0};
  Learner learner(config);
  const double first = learner.ppo->update().at("lr/heads");
  const double second = learner.ppo->update().at("lr/heads");
  EXPECT_DOUBLE_EQ(first, 3e-4);
  EXPECT_DOUBLE_EQ(second, 0.75 * 3e-4);
}

TEST(Ppo, RestoredStateGoesOnBitForBit) {
  const PpoConfig config = one_minibatch();
  Learner whole(config), part(config), resumed(config);
  whole.ppo->update();
  const Metrics want = whole.ppo->update();
  part.ppo->update();
  StateDict state;
  for (const NamedTensor& p : part.network->parameters()) {
    state[p.name] = HostTensor::from_floats(p.tensor.shape(), p.tensor.to_host());
  }
  part.optimizer->save(state);
  part.environments->save(state);
  part.ppo->save(state);
  for (NamedTensor& p : resumed.network->parameters()) {
    p.tensor.copy_from_host(state[p.name].to_floats(p.name));
  }
  resumed.optimizer->load(state);
  resumed.environments->load(state);
  resumed.ppo->load(state);
  const Metrics got = resumed.ppo->update();
  expect_same_metrics(got, want);
}

TEST(EntropyTerm, RewardsEntropyAndPullsItUpBelowTheFloor) {
  const EntropyTerm above = entropy_term(.5, .3, .1, 3);
  EXPECT_DOUBLE_EQ(above.loss, -.15);
  EXPECT_DOUBLE_EQ(above.derivative, -.3);
  const EntropyTerm below = entropy_term(.04, .3, .1, 3);
  EXPECT_DOUBLE_EQ(below.loss, -.012 + 3 * .06);
  EXPECT_DOUBLE_EQ(below.derivative, -3.3);
  const EntropyTerm free = entropy_term(-2, .3, 0, 3);  // a normal's entropy has no lower end
  EXPECT_DOUBLE_EQ(free.loss, .6);
  EXPECT_DOUBLE_EQ(free.derivative, -.3);
}

TEST(EntropyCoefficient, FallsLinearlyOverEpisodesAndStays) {
  const PpoConfig config;
  EXPECT_DOUBLE_EQ(entropy_coefficient(config, 0), .25);
  EXPECT_DOUBLE_EQ(entropy_coefficient(config, 75), .20);
  EXPECT_DOUBLE_EQ(entropy_coefficient(config, 150), .15);
  EXPECT_DOUBLE_EQ(entropy_coefficient(config, 300), .05);
  EXPECT_DOUBLE_EQ(entropy_coefficient(config, 5000), .05);
}

// The loss of one minibatch before any step, put together by hand from its terms: entropy enters
// with a minus, the value loss with its weight.
TEST(Ppo, TheTotalLossIsTheWeightedSumOfItsTerms) {
  PpoConfig config = one_minibatch();
  config.min_entropy_threshold = config.min_continuous_entropy = 0;
  const Metrics m = Learner(config, 2).ppo->update();
  const double coefficient = m.at("losses/entropy_coefficient");
  EXPECT_NEAR(coefficient, .25, .05 / 300 * 20);
  const double want =
      0.7 * m.at("losses/policy_loss") + 0.3 * m.at("losses/continuous_policy_loss") -
      coefficient * (1.5 * m.at("losses/entropy") + 1.0 * m.at("losses/continuous_entropy")) +
      0.5 * m.at("losses/value_loss");
  EXPECT_NEAR(m.at("losses/total"), want, 1e-9);
  EXPECT_GT(m.at("losses/entropy"), 0.1);
}

TEST(CombineAdvantages, DropsConstantComponentsAndRenormalises) {
  std::vector<std::vector<double>> a(6, std::vector<double>(2, 0.0));
  a[kTotal] = {9, 9};
  a[kGraph] = {1, -1};  // deviation 1
  a[kDelete] = {4, 0};  // deviation 2
  const auto combined = combine_advantages(a, {1, .4, .3, .2, .2, .3});
  // Weights .4 and .2 become 2/3 and 1/3.
  EXPECT_NEAR(combined[0], 2.0 / 3 * 1 + 1.0 / 3 * 4 / 2, 1e-12);
  EXPECT_NEAR(combined[1], -2.0 / 3, 1e-12);
}

// It would drop out as if it did not vary.
TEST(CombineAdvantages, AComponentWhoseSpreadOverflowsIsRefused) {
  const std::vector<std::vector<double>> a = {{9, 9}, {1, -1}, {1e200, -1e200}};
  EXPECT_THROW(combine_advantages(a, {1, .4, .3}), NotFiniteError);
}

TEST(RunningNormalizer, KnowsWhetherItsSquaresOverflowed) {
  RunningNormalizer n(2);
  n.update({{1e100, 1}, {-1e100, 2}});
  EXPECT_TRUE(n.finite());
  n.update({{0, 1e200}, {0, -1e200}});
  EXPECT_FALSE(n.finite());
}

TEST(RunningNormalizer, EqualsTheStatisticsOfAllRows) {
  RunningNormalizer n(1);
  EXPECT_DOUBLE_EQ(n.normalise(0, 5), 5);
  n.update({{1}, {2}, {3}});
  n.update({{10}, {4}});
  EXPECT_NEAR(n.denormalise(0, 0), 4, 1e-12);
  EXPECT_NEAR(n.deviation(0), std::sqrt(10.0), 1e-12);
  RunningNormalizer copy(1);
  EXPECT_TRUE(copy.set_state(n.state()));
  EXPECT_EQ(copy.normalise(0, 7), n.normalise(0, 7));
}

}  // namespace
}  // namespace frost
