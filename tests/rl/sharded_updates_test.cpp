#include <gtest/gtest.h>

#include <cmath>

#include "kernels/errors.h"
#include "tests/rl/same_state.h"
#include "tools/config/config.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

#define FROST_TEST_COLONY                                                                \
  "environment: {substrate_params: {m: 0.05}, init_num_nodes: 2, max_critical_nodes: 6," \
  " max_steps: 3}\n"

struct ShardedCase {
  const char* name;
  const char* yaml;
};

std::ostream& operator<<(std::ostream& out, const ShardedCase& c) {
  return out << c.name;
}

const ShardedCase kCases[] = {
    {"Choices",
     "environment: {name: CartPole-v1}\n"
     "algorithm: {advantage_normalization: minibatch}\n"},
    {"Continuous", "environment: {name: Pendulum-v1}\n"},
    {"HybridWithScaledLosses",
     "environment: {name: IdentityHybrid}\n"
     "trainer: {gradient_scaling: {enable_adaptive_scaling: true, warmup_steps: 0}}\n"},
    {"GraphHybrid",
     FROST_TEST_COLONY "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: all}}\n"
                       "algorithm: {two_stage_curriculum: {stage: 2}}\n"},
    {"PictureKeptFeatures", FROST_TEST_COLONY
     "observation: {kind: image, image_size: 24}\n"
     "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: all}}\n"},
    {"PictureStandardised", FROST_TEST_COLONY
     "observation: {kind: image, image_size: 24}\n"
     "actor_critic: {pretrained_weights: random, standardize_features: true, backbone: "
     "{freeze_mode: all}}\n"}};

/// One epoch over one minibatch, so that the samples in it are the same in any number of shards.
Config config_of(const ShardedCase& c, int shards) {
  Config config = parse_config(c.yaml, "x.yaml", {});
  config.system.threads = 1;
  config.system.device = "cpu";
  config.ppo.num_envs = 4;
  config.ppo.rollout_steps = 16;
  config.ppo.minibatch_size = 16;
  config.ppo.update_epochs = 1;
  config.ppo.lr_schedule.warmup_updates = 0;
  config.ppo.shards = shards;
  return config;
}

class ShardedUpdates : public testing::TestWithParam<ShardedCase> {};

TEST_P(ShardedUpdates, LearnWhatOneShardLearnsButForRounding) {
  Trainer whole(config_of(GetParam(), 1), false);
  const Metrics want = whole.ppo().update();
  for (const int shards : {2, 4}) {
    SCOPED_TRACE(shards);
    Trainer parts(config_of(GetParam(), shards), false);
    const Metrics got = parts.ppo().update();
    ASSERT_EQ(got.values().size(), want.values().size());
    for (std::size_t i = 0; i < want.values().size(); ++i) {
      const auto& [name, value] = want.values()[i];
      if (std::isnan(value)) continue;
      EXPECT_NEAR(got.values()[i].second, value, 1e-4 * (1 + std::fabs(value))) << name;
    }
    EXPECT_GT(got.at("grad_norm/total"), 0);
  }
}

TEST_P(ShardedUpdates, GoOnInOtherObjectsWithTheSameBitsWhereverTheyStop) {
  Config config = config_of(GetParam(), 4);
  config.ppo.minibatch_size = 12;  // the last of each epoch is smaller
  config.ppo.update_epochs = 2;
  config.ppo.enable_kl_early_stop = false;
  Trainer whole(config, false);
  const Metrics want = whole.ppo().update();
  auto part = std::make_unique<Trainer>(config, false);
  std::optional<Metrics> got;
  while (!(got = part->ppo().update([place = 0]() mutable { return ++place == 3; }))) {
    auto next = std::make_unique<Trainer>(config, true);
    next->restore(part->checkpoint());
    expect_same_checkpoint(next->checkpoint(), part->checkpoint());
    part = std::move(next);
  }
  expect_same_metrics(*got, want);
  expect_same_checkpoint(part->checkpoint(), whole.checkpoint());
}

INSTANTIATE_TEST_SUITE_P(Cases, ShardedUpdates, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ShardedMinibatches, HaveAsManySamplesOfEachShardAndAllOfThemOnce) {
  Learning learning;
  learning.set_samples(40);
  RandomStream shuffle(1, StreamPurpose::kShuffle);
  std::vector<std::size_t> first;
  for (int epoch = 0; epoch < 2; ++epoch) {
    learning.begin_epoch(shuffle, 4, 12);
    const std::vector<std::size_t>& order = learning.order;
    for (std::size_t begin = 0; begin < 40; begin += 12) {
      const std::size_t share = std::min<std::size_t>(12, 40 - begin) / 4;
      for (std::size_t i = 0; i < 4 * share; ++i) EXPECT_EQ(order[begin + i] / 10, i / share);
    }
    std::vector<std::size_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(sorted[i], i);
    EXPECT_NE(order, first);
    first = order;
  }
}

TEST(ShardedTrainer, RefusesShardsThatDoNotFit) {
  for (const int shards : {3, 8}) {
    EXPECT_THROW(Trainer(config_of(kCases[0], shards), false), UsageError) << shards;
  }
}

}  // namespace
}  // namespace frost
