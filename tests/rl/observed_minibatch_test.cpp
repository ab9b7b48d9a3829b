#include <gtest/gtest.h>

#include "engine/observe/finite_check.h"
#include "kernels/backend_registry.h"
#include "rl/ppo/gradient_step.h"
#include "tests/engine/errors.h"
#include "tests/engine/op_observers.h"
#include "tools/config/config_text.h"
#include "tools/runs/trainer.h"

// A minibatch of PPO under observation: a NaN in any op's output is named by that op.
namespace frost {
namespace {

struct ObservedCase {
  const char* name;
  const char* yaml;
  std::size_t states;
};

std::ostream& operator<<(std::ostream& out, const ObservedCase& observed) {
  return out << observed.name;
}

const ObservedCase kObservedCases[] = {
    {"Choices", "environment: {name: CartPole-v1}\n", 4},
    {"Hybrid", "environment: {name: IdentityHybrid}\n", 4},
    {"Pictures",
     "environment: {substrate_params: {m: 0.05}, init_num_nodes: 2}\n"
     "observation: {kind: image, image_size: 24}\n"
     "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: layer4.1}}\n",
     2},
    {"Graphs",
     "environment: {substrate_params: {m: 0.05}, init_num_nodes: 1}\n"
     "encoder: {num_layers: 2}\n"
     "actor_critic: {pretrained_weights: random}\n",
     1}};

/// A training up to its first minibatch, of the first states of a rollout.
class ObservedMinibatch : public testing::TestWithParam<std::tuple<ObservedCase, std::string>> {
 protected:
  static Config config() {
    const auto& [observed, device] = GetParam();
    Config config = parse_config(observed.yaml, "x.yaml", {"system.device=" + device});
    config.system.threads = 1;
    config.ppo.num_envs = 1;
    config.ppo.rollout_steps = config.ppo.minibatch_size = 4;
    return config;
  }

  ObservedMinibatch() : trainer_(config(), false), rollout_(1, 4) {
    trainer_.ppo().collect(rollout_);
    collected_ = log_->seen;
    log_.reset();
    const RunningNormalizer identity(trainer_.environments().spec().reward_names.size());
    rollout_.set_estimates(estimate_advantages(
        rollout_, trainer_.network(), trainer_.environments().observations(), identity,
        trainer_.environments().spec().reward_weights, trainer_.config().ppo));
    std::vector<const Transition*> states;
    for (const Transition* t : rollout_.flat()) {
      if (states.size() < std::get<ObservedCase>(GetParam()).states) states.push_back(t);
    }
    batch_ = make_minibatch(trainer_.network(), rollout_, states, identity, trainer_.config().ppo,
                            trainer_.environments().spec());
  }

  void learn(GradientStep& step) {
    LossWeights weights{{0.7f, -0.1f, 0, 0}, {0.3f, -0.05f, 0, 0}, {}};
    weights.value.resize(static_cast<std::size_t>(step.forward(batch_).value.numel()));
    weights.value[0] = 0.5f;
    step.descend(weights, std::vector<double>(trainer_.optimizer().groups().size(), 1.0));
  }

  GradientStep make_step(bool record) {
    return {trainer_.network(), trainer_.optimizer(), 0.5, record};
  }

  std::unique_ptr<OpLog> log_ = std::make_unique<OpLog>();
  Trainer trainer_;
  Rollout rollout_;
  Minibatch batch_;
  std::vector<std::string> collected_;  ///< what ops made while acting
};

TEST_P(ObservedMinibatch, NamesTheOpOfEveryNaN) {
  GradientStep step = make_step(false);
  std::vector<std::string> made;
  {
    const FiniteCheck nothing_to_find;
    OpLog log;
    learn(step);
    made = log.seen;
    for (const char* start : {"[ppo_surrogate] forward", "[value_loss] backward",
                              "[linear] forward", "[linear] backward", "[adam] step"}) {
      EXPECT_GT(log.count(start), 0) << start;
    }
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    Spoiler spoiler(i);
    const FiniteCheck check;
    const std::string text = error_of([&] { learn(step); });
    EXPECT_TRUE(text.starts_with(made[i] + " is NaN at element ")) << text << ", not " << made[i];
  }
}

TEST_P(ObservedMinibatch, ActingAndFrozenPrefixesAreSeenToo) {
  const auto made = [&](const std::string& start) {
    return std::any_of(collected_.begin(), collected_.end(),
                       [&](const std::string& text) { return text.starts_with(start); });
  };
  EXPECT_TRUE(made("[linear] forward"));
  EXPECT_EQ(made("[conv_bn] forward"), find_backbone(trainer_.network()) != nullptr);
}

TEST_P(ObservedMinibatch, WhatWouldBeReplayedRunsEagerly) {
  GradientStep step = make_step(true);
  for (int i = 0; i < 2; ++i) learn(step);
  ASSERT_EQ(step.replays(), 1U);
  {
    OpLog log;
    learn(step);
    EXPECT_GT(log.count("[linear] backward"), 0);
    EXPECT_EQ(step.replays(), 1U);
  }
  learn(step);
  EXPECT_EQ(step.replays(), 2U);
}

/// Devices besides the CPU. A double of a GPU is slow, so bodies are for the CPU alone.
std::vector<std::string> other_devices() {
  std::vector<std::string> names;
  for (const BackendStatus& status : available_backends()) {
    if (status.backend != nullptr && status.device != "cpu") names.push_back(status.device);
  }
  return names;
}

std::string name_of(const testing::TestParamInfo<ObservedMinibatch::ParamType>& info) {
  return std::get<ObservedCase>(info.param).name + std::string("_") +
         std::get<std::string>(info.param);
}

INSTANTIATE_TEST_SUITE_P(Cpu, ObservedMinibatch,
                         testing::Combine(testing::ValuesIn(kObservedCases),
                                          testing::Values("cpu")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Devices, ObservedMinibatch,
                         testing::Combine(testing::Values(kObservedCases[0], kObservedCases[1]),
                                          testing::ValuesIn(other_devices())),
                         name_of);

}  // namespace
}  // namespace frost
