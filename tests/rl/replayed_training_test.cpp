#include <gtest/gtest.h>

#include "kernels/backend_registry.h"
#include "models/policies/policy_factory.h"
#include "rl/ppo/ppo.h"
#include "tests/golden/closed_form_resnet.h"
#include "tests/op_table/op_cases.h"
#include "tests/rl/same_state.h"
#include "tools/config/config_text.h"
#include "tools/runs/trainer.h"

// Whole updates of PPO on every device, with recorded minibatches and without. A device that
// records nothing calls the work again, with the same bookkeeping around it.
namespace frost {
namespace {

/// What is trained, in updates of three epochs over 12 states, in minibatches of 8 and 4.
struct ReplayCase {
  const char* name;
  const char* yaml;
  bool keep_features = true;  ///< of a frozen prefix, where there is one
  int updates = 2;
};

std::ostream& operator<<(std::ostream& out, const ReplayCase& replay) {
  return out << replay.name;
}

const ReplayCase kReplayCases[] = {
    {"Choices", "environment: {name: CartPole-v1}\n"},
    {"Continuous", "environment: {name: Pendulum-v1}\n"},
    {"Hybrid", "environment: {name: IdentityHybrid}\n"},
    {"ScaledLosses",
     "environment: {name: IdentityHybrid}\n"
     "trainer: {gradient_scaling: {enable_adaptive_scaling: true, warmup_steps: 2}}\n"},
    // Behind the features of a prefix only heads train.
    {"KeptFeatures",
     "environment: {substrate_params: {m: 0.05}, max_critical_nodes: 12}\n"
     "observation: {kind: image, image_size: 24}\n"},
    // And here the last block of both bodies.
    {"KeptFeaturesOfABlock",
     "environment: {substrate_params: {m: 0.05}, max_critical_nodes: 12}\n"
     "observation: {kind: image, image_size: 24}\n"
     "actor_critic: {backbone: {freeze_mode: layer4.1}}\n",
     true, 1},
    {"Pictures",
     "environment: {substrate_params: {m: 0.05}, max_critical_nodes: 12}\n"
     "observation: {kind: image, image_size: 24}\n",
     false}};

Config config_of(const ReplayCase& replay) {
  Config config = parse_config(replay.yaml, "x.yaml", {});
  config.system.threads = 1;
  config.ppo.num_envs = 2;
  config.ppo.rollout_steps = 12;
  config.ppo.minibatch_size = 8;
  config.ppo.update_epochs = 3;
  config.ppo.enable_kl_early_stop = false;
  config.model.backbone.savings.cache = replay.keep_features;
  return config;
}

/// A learner on any backend, with bodies of closed form.
struct ReplayLearner {
  ReplayLearner(const Config& config, Backend& backend, bool record)
      : environments(environment_factory(config), config.ppo.num_envs, 5) {
    configure_for(config, backend);
    network = make_policy_network(backend, model_config(config));
    RandomStream random(3, StreamPurpose::kInit);
    network->initialize(random, false);
    if (BackboneNetwork* body = find_backbone(*network)) body->load_bodies(closed_form_resnet(18));
    optimizer = std::make_unique<Adam>(network->param_groups());
    PpoConfig ppo_config = config.ppo;
    ppo_config.record_minibatches = record;
    ppo = std::make_unique<Ppo>(*network, *optimizer, environments, ppo_config, 11);
  }

  VectorEnvironment environments;
  std::unique_ptr<PolicyNetwork> network;
  std::unique_ptr<Adam> optimizer;
  std::unique_ptr<Ppo> ppo;
};

class ReplayedTraining : public testing::TestWithParam<std::tuple<ReplayCase, Backend*>> {};

TEST_P(ReplayedTraining, EqualsTheEagerOneBitForBit) {
  const auto& [replay, backend] = GetParam();
  const Config config = config_of(replay);
  const ReplayLearner eager(config, *backend, false), recorded(config, *backend, true);
  for (int update = 0; update < replay.updates; ++update) {
    const Metrics got = recorded.ppo->update(), want = eager.ppo->update();
    expect_same_metrics(got, want);
    EXPECT_EQ(got.at("losses/minibatches"), 6);
  }
  const GradientStep& step = recorded.ppo->gradient_step();
  EXPECT_EQ(step.recordings(), 2U) << "8 states, 4 states";
  EXPECT_EQ(step.replays(), static_cast<std::size_t>(6 * replay.updates - 2))
      << "all but the first of each";
  EXPECT_EQ(eager.ppo->gradient_step().replays(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Devices, ReplayedTraining,
                         testing::Combine(testing::ValuesIn(kReplayCases),
                                          testing::ValuesIn(test_backends())),
                         [](const auto& info) {
                           return std::get<ReplayCase>(info.param).name + std::string("Device") +
                                  std::to_string(info.index % test_backends().size());
                         });

class Rollouts : public testing::TestWithParam<Backend*> {};

// A card's totals, and its message when it is full, are of bytes on the card.
TEST_P(Rollouts, AreBookedAsMemoryOfTheHost) {
  Backend& backend = *GetParam();
  const ReplayLearner learner(config_of(kReplayCases[0]), backend, false);
  const auto live = [](Backend& of) { return of.ledger().snapshot().live_of(MemoryTag::kRollout); };
  const std::int64_t on_host = live(cpu_backend()), on_device = live(backend);
  {
    Rollout rollout(2, 6);
    learner.ppo->collect(rollout);
    EXPECT_GT(live(cpu_backend()), on_host + 12 * static_cast<std::int64_t>(sizeof(Transition)));
    if (&backend != &cpu_backend()) {
      EXPECT_EQ(live(backend), on_device);
    }
  }
  EXPECT_EQ(live(cpu_backend()), on_host);
}

INSTANTIATE_TEST_SUITE_P(Devices, Rollouts, testing::ValuesIn(test_backends()),
                         [](const auto& info) { return "Device" + std::to_string(info.index); });

// The cases are what their names say.
TEST(ReplayedTrainingCases, KeepFeaturesAndMoveWeightsWhereTheySay) {
  for (const ReplayCase& replay : kReplayCases) {
    const std::string name = replay.name;
    const ReplayLearner learner(config_of(replay), *test_backends().front(), false);
    Rollout rollout(2, 6);
    learner.ppo->collect(rollout);
    EXPECT_EQ(rollout.features().defined(), name.starts_with("KeptFeatures")) << name;
    const Metrics metrics = learner.ppo->learn(rollout);
    if (name == "ScaledLosses") {
      EXPECT_NE(metrics.at("losses/discrete_weight"), 0.7);
    }
  }
}

}  // namespace
}  // namespace frost
