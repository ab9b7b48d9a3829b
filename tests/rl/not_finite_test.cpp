#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "models/policies/policy_factory.h"
#include "rl/envs/control/control_environment.h"
#include "rl/ppo/ppo.h"
#include "tests/engine/errors.h"
#include "tests/rl/same_state.h"
#include "tools/config/config_text.h"
#include "tools/runs/trainer.h"

// A number that is not finite stops the update by name, and the state that is left meets it again.
namespace frost {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Both parts of the policy, their losses scaled: two environments, three minibatches an epoch.
Config hybrid(const std::string& more = "") {
  Config config = parse_config(
      "environment: {name: IdentityHybrid}\n"
      "system: {threads: 1, device: cpu}\n"
      "trainer: {num_envs: 2, rollout_steps: 24, minibatch_size: 10,"
      " gradient_scaling: {enable_adaptive_scaling: true, warmup_steps: 2}}\n" +
          more,
      "x.yaml", {});
  config.ppo.enable_kl_early_stop = false;
  return config;
}

void set_value(Trainer& trainer, const std::string& parameter, float value) {
  for (NamedTensor& p : trainer.network().parameters()) {
    if (p.name != parameter) continue;
    std::vector<float> values = p.tensor.to_host();
    values[0] = value;
    p.tensor.copy_from_host(values);
    return;
  }
  FAIL() << "no parameter is called " << parameter;
}

/// Expects that the next update throws, that nothing has changed then, and that a fresh trainer
/// with this state meets the same.
void expect_met_again(Trainer& trainer, const std::string& message) {
  const SafetensorsFile before = trainer.checkpoint();
  const std::string problem = error_of([&] { trainer.ppo().update(); });
  EXPECT_NE(problem.find(message), std::string::npos) << problem;
  EXPECT_EQ(problem.find('\n'), std::string::npos);
  EXPECT_TRUE(trainer.ppo().unfinished());
  expect_same_checkpoint(trainer.checkpoint(), before);
  Trainer again(trainer.config(), true);
  again.restore(trainer.checkpoint());
  EXPECT_EQ(error_of([&] { again.ppo().update(); }), problem);
  expect_same_checkpoint(again.checkpoint(), before);
}

Ppo::StopRequest at_place(int place) {
  return [place]() mutable { return --place == 0; };
}

// A critic's weight: the choices of the state have been drawn before its value is seen.
TEST(NotFinite, OutputsOfThePolicyWhileCollectingLeaveTheStepBefore) {
  for (const auto& [weight, message] :
       {std::pair{"critic.value.weight", "the values of state 0 are not finite"},
        {"actor.logits.weight", "the logits of row 0 are not finite"},
        {"actor.mean.weight", "the continuous outputs of row 0 are not finite"}}) {
    Trainer trainer(hybrid(), false);
    ASSERT_FALSE(trainer.ppo().update(at_place(5)));
    set_value(trainer, weight, std::numeric_limits<float>::infinity());
    expect_met_again(trainer, message);
  }
}

TEST(NotFinite, OutputsOfTheFirstStepLeaveAnEmptyRollout) {
  Trainer trainer(hybrid(), false);
  set_value(trainer, "actor.logits.weight", static_cast<float>(kNaN));
  EXPECT_THROW(trainer.ppo().update(), NotFiniteError);
  expect_met_again(trainer, "the logits of row 0 are not finite");
}

TEST(NotFinite, LossesLeaveTheMinibatchBefore) {
  const Config plain = [] {
    Config config = hybrid();
    config.ppo.scale_policy_losses = false;
    return config;
  }();
  for (const auto& [weight, message] :
       {std::pair{"critic.value.weight", "the value loss of minibatch 3 in update 1"},
        {"actor.logits.weight", "the KL divergence of minibatch 3 in update 1"}}) {
    Trainer trainer(plain, false);
    ASSERT_FALSE(trainer.ppo().update(at_place(14)));
    set_value(trainer, weight, static_cast<float>(kNaN));
    expect_met_again(trainer, message);
    EXPECT_THROW(trainer.ppo().update(), NotFiniteError);
  }
}

// The two passes of the scaling come first, and the weight of the value loss overflows behind them.
TEST(NotFinite, GradientsLeaveTheScalingBefore) {
  Trainer trainer(hybrid(), false);
  ASSERT_FALSE(trainer.ppo().update(at_place(14)));
  Config steep = trainer.config();
  steep.ppo.value_loss_coeff = 3e38;
  Trainer overflows(steep, false);
  SafetensorsFile state = trainer.checkpoint();
  overflows.restore(state);
  EXPECT_EQ(overflows.checkpoint().tensors.at("ppo.gradient_scaling").to_doubles("")[2], 2);
  expect_met_again(overflows, "is not finite");
}

TEST(NotFinite, MendedWeightsFinishTheUpdate) {
  Trainer whole(hybrid(), false), part(hybrid(), false);
  const Metrics want = whole.ppo().update();
  for (const int places : {5, 9}) {
    ASSERT_FALSE(part.ppo().update(at_place(places)));
    const StateDict sound = part.network().state_dict();
    set_value(part, "critic.value.weight", static_cast<float>(kNaN));
    EXPECT_NE(error_of([&] { part.ppo().update(); }).find("not finite"), std::string::npos);
    part.network().load_state_dict(sound);
  }
  expect_same_metrics(part.ppo().update(), want);
  expect_same_checkpoint(part.checkpoint(), whole.checkpoint());
}

enum class Fault { kReward, kReturn, kSquares, kObservation, kCutObservation, kError };

/// A clock that shows its time and breaks at the fifth tick, or at the seventh, where the time
/// limit ends the episode. Or it gives rewards whose sum is too large, or whose square is.
class Breaking : public ControlEnvironment {
 public:
  explicit Breaking(Fault fault)
      : ControlEnvironment("Breaking", {1, 2, {}, ActionSpace::kAlways}, 1, {{0, 100}}, 7),
        fault_(fault) {}

 protected:
  State initial_state(RandomStream&) const override { return {0}; }
  Outcome advance(State& state, const Action&, RandomStream&) const override {
    state[0] += 1;
    if (fault_ == Fault::kError && state[0] == 5) throw Error("the clock is broken");
    if (fault_ == Fault::kReturn) return {1e308};
    if (fault_ == Fault::kSquares) return {1e200};
    return {fault_ == Fault::kReward && state[0] == 5 ? kNaN : 1.0};
  }
  std::vector<float> features(const State& state) const override {
    const bool broken = (fault_ == Fault::kObservation && state[0] == 5) ||
                        (fault_ == Fault::kCutObservation && state[0] == 7);
    return {broken ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(state[0])};
  }

 private:
  Fault fault_;
};

/// A learner of two such clocks.
struct BreakingLearner {
  explicit BreakingLearner(Fault fault)
      : network(make_policy_network(cpu_backend(), model())),
        environments([fault] { return std::make_unique<Breaking>(fault); }, 2, 1) {
    RandomStream random(2, StreamPurpose::kInit);
    network->initialize(random, true);
    optimizer = std::make_unique<Adam>(network->param_groups());
    PpoConfig config;
    config.num_envs = 2;
    config.rollout_steps = 20;
    ppo = std::make_unique<Ppo>(*network, *optimizer, environments, config, 3);
  }
  static ActorCriticConfig model() {
    ActorCriticConfig model;
    model.observation = ObservationKind::kVector;
    model.vector_size = 1;
    model.choices = 2;
    model.mlp_hidden = {8};
    return model;
  }
  SafetensorsFile state() const {
    SafetensorsFile file;
    file.tensors = network->state_dict();
    optimizer->save(file.tensors);
    environments.save(file.tensors);
    ppo->save(file.tensors);
    return file;
  }
  void load(const StateDict& state) {
    optimizer->load(state);
    environments.load(state);
    ppo->load(state);
  }

  std::unique_ptr<PolicyNetwork> network;
  VectorEnvironment environments;
  std::unique_ptr<Adam> optimizer;
  std::unique_ptr<Ppo> ppo;
};

TEST(NotFinite, WhatEnvironmentsGiveIsNamedAndMetAgain) {
  const std::pair<Fault, const char*> faults[] = {
      {Fault::kReward,
       "[ppo] the reward 'total' of environment 0 (Breaking) in step 5 of the rollout is nan: it "
       "must be finite"},
      {Fault::kReturn, "[ppo] a return of environment 0 is not finite"},
      {Fault::kSquares, "[ppo] the statistics of the returns are not finite"},
      {Fault::kObservation, "[policy] the logits of row 0 are not finite"},
      {Fault::kCutObservation, "[policy] the values of state 0 are not finite"}};
  for (const auto& [fault, message] : faults) {
    BreakingLearner learner(fault), again(fault);
    EXPECT_EQ(error_of([&] { learner.ppo->update(); }), message);
    const SafetensorsFile left = learner.state();
    EXPECT_THROW(learner.ppo->update(), NotFiniteError);
    expect_same_checkpoint(learner.state(), left);
    again.load(left.tensors);
    EXPECT_EQ(error_of([&] { again.ppo->update(); }), message);
    expect_same_checkpoint(again.state(), left);
  }
}

// Environments that have gone on by half a step belong to no rollout.
TEST(NotFinite, AnyOtherErrorWhileCollectingDropsTheUpdate) {
  BreakingLearner learner(Fault::kError);
  EXPECT_EQ(error_of([&] { learner.ppo->update(); }), "the clock is broken");
  EXPECT_FALSE(learner.ppo->unfinished());
}

// What has moved by then, weights among it, does not fit an update that learns from it again.
TEST(NotFinite, AnyOtherErrorWhileLearningDropsTheUpdate) {
  Trainer trainer(hybrid(), false);
  int place = 0;
  const auto breaks = [&]() -> bool {
    if (++place == 14) throw Error("the clock is broken");
    return false;
  };
  EXPECT_EQ(error_of([&] { trainer.ppo().update(breaks); }), "the clock is broken");
  EXPECT_FALSE(trainer.ppo().unfinished());
  EXPECT_EQ(trainer.ppo().update().at("charts/update"), 1);
  EXPECT_EQ(trainer.ppo().global_step(), 48) << "another rollout was collected";
}

/// Rows of choices whose old probabilities were tiny: the joint ratio overflows.
Config choices_in_rows() {
  return parse_config(
      "environment: {name: IdentityMultiDiscrete}\n"
      "system: {threads: 1, device: cpu}\n"
      "algorithm: {ratio: joint}\n"
      "trainer: {num_envs: 2, rollout_steps: 24, minibatch_size: 10}\n",
      "x.yaml", {});
}

/// A trainer with the first minibatch behind it and that old log-probability in every row.
void overflow_ratios(Trainer& trainer, float old_logp) {
  Trainer source(trainer.config(), false);
  ASSERT_FALSE(source.ppo().update(at_place(13)));
  SafetensorsFile state = source.checkpoint();
  HostTensor& logp = state.tensors.at("ppo.rollout.logp");
  logp = HostTensor::from_floats(
      logp.shape, std::vector<float>(static_cast<std::size_t>(logp.numel()), old_logp));
  trainer.restore(state);
}

TEST(NotFinite, ALossThatOverflowsBehindTheTargetDivergenceEndsTheUpdateAlone) {
  for (const float old_logp : {-60.0f, -1000.0f}) {  // a finite divergence, and an infinite one
    Trainer trainer(choices_in_rows(), false);
    overflow_ratios(trainer, old_logp);
    const Metrics m = trainer.ppo().update();
    EXPECT_EQ(m.at("losses/minibatches"), 1);
    EXPECT_EQ(std::isinf(m.at("losses/last_kl")), old_logp == -1000.0f);
    Config unstopped = choices_in_rows();
    unstopped.ppo.enable_kl_early_stop = false;
    Trainer runs_on(unstopped, false);
    overflow_ratios(runs_on, old_logp);
    EXPECT_THROW(runs_on.ppo().update(), NotFiniteError);
  }
}

// The passes of the scaling would meet gradients that are not finite.
TEST(NotFinite, RatiosThatOverflowBehindTheTargetDivergenceLeaveTheScalingBefore) {
  Config config = hybrid();
  config.ppo.enable_kl_early_stop = true;
  Trainer trainer(config, false);
  overflow_ratios(trainer, -1000.0f);
  const auto scaling = [&] {
    return trainer.checkpoint().tensors.at("ppo.gradient_scaling").to_doubles("");
  };
  const std::vector<double> before = scaling();
  EXPECT_EQ(before[2], 1);
  const Metrics m = trainer.ppo().update();
  EXPECT_EQ(m.at("losses/minibatches"), 1);
  EXPECT_TRUE(std::isinf(m.at("losses/last_kl")));
  EXPECT_EQ(scaling(), before);
}

TEST(DamagedPpoState, IsRefusedByTensor) {
  Trainer trainer(hybrid(), false);
  const StateDict sound = trainer.checkpoint().tensors;
  const auto refusal = [&](const std::string& name, std::size_t at, auto value) {
    StateDict state = sound;
    HostTensor& tensor = state.at(name);
    std::vector<std::byte> bytes(tensor.bytes.begin(), tensor.bytes.end());
    std::memcpy(bytes.data() + at * sizeof value, &value, sizeof value);
    tensor.bytes = std::move(bytes);
    const std::string problem = error_of([&] { trainer.ppo().load(state); });
    EXPECT_NE(problem.find("'" + name + "' is damaged"), std::string::npos) << problem;
  };
  for (const std::size_t at : {0U, 1U, 2U, 3U, 4U, 6U}) {
    refusal("ppo.counters", at, std::int64_t{-5});
  }
  refusal("ppo.return_normalizer", 0, -1.0);
  refusal("ppo.return_normalizer", 1, kNaN);
  refusal("ppo.return_normalizer", 2, -1e-3);
  refusal("ppo.return_normalizer", 2, HUGE_VAL);
  refusal("ppo.gradient_scaling", 0, kNaN);
  trainer.ppo().load(sound);
}

TEST(DamagedTrainerState, IsRefusedByTensor) {
  Trainer trainer(hybrid(), false);
  SafetensorsFile state = trainer.checkpoint();
  state.tensors["trainer.best"] = HostTensor::from_doubles({1, 2});
  const std::string problem = error_of([&] { trainer.restore(state); });
  EXPECT_TRUE(problem.starts_with("checkpoint tensor 'trainer.best' is damaged: 2 numbers, not "))
      << problem;
}

}  // namespace
}  // namespace frost
