#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/backend_registry.h"
#include "kernels/scalar_math.h"
#include "tools/runs/trainer.h"

// Changes of the freeze mode during a run: what the optimizer keeps, and that resuming before, at
// and after a switch is never having stopped.
namespace frost {
namespace {

/// Adam told by hand what trains: moments and counts by name, dropped and begun as it is told.
class HandAdam {
 public:
  struct State {
    std::vector<float> m, v;
    std::int64_t step = 0;
  };

  void tell(const std::vector<std::string>& trainable, std::size_t size) {
    std::map<std::string, State> next;
    for (const std::string& name : trainable) {
      const auto old = states_.find(name);
      next[name] = old != states_.end()
                       ? old->second
                       : State{std::vector<float>(size), std::vector<float>(size), 0};
    }
    states_ = std::move(next);
  }

  void step(const std::string& name, const std::vector<float>& gradient, double lr,
            std::vector<float>& parameter) {
    State& s = states_.at(name);
    const AdamFactors f = adam_factors(lr, 0.9, 0.999, 1e-8, 0.0, static_cast<double>(++s.step));
    for (std::size_t i = 0; i < parameter.size(); ++i) {
      adam_element(f, gradient[i], s.m[i], s.v[i], parameter[i]);
    }
  }

  const std::map<std::string, State>& states() const { return states_; }

 private:
  std::map<std::string, State> states_;
};

/// The test is compiled for another processor than the kernels, which may fuse a product and a sum.
void expect_same(const std::vector<float>& actual, const std::vector<float>& expected,
                 const std::string& name) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-6 * std::abs(expected[i]) + 1e-9) << name << ' ' << i;
  }
}

constexpr std::int64_t kSize = 5;

/// Three tensors, of which a mode trains some.
struct Subject {
  std::map<std::string, Tensor> tensors;

  Subject() {
    for (const char* name : {"stem", "layer3", "layer4"}) {
      tensors[name] = Tensor::zeros(cpu_backend(), {kSize}, MemoryTag::kParameters);
    }
  }

  std::vector<ParamGroup> groups(const std::vector<std::string>& trainable) {
    ParamGroup group{"backbone", 1e-2, {}};
    for (auto& [name, tensor] : tensors) {
      const bool trains = std::count(trainable.begin(), trainable.end(), name) > 0;
      tensor.set_requires_grad(trains);
      if (trains) group.parameters.push_back({name, tensor});
    }
    return {group};
  }

  /// One backward pass whose gradients depend on the tensor and the step alone.
  std::vector<float> give_gradient(const std::string& name, int step) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < kSize; ++i) {
      values.push_back(static_cast<float>(name.size()) * 0.1f +
                       0.01f * static_cast<float>(i + step));
    }
    const Tensor ones = Tensor::zeros(cpu_backend(), {kSize});
    backward({{add(tensors.at(name), ones), Tensor::from_host(cpu_backend(), {kSize}, values)}});
    return values;
  }
};

TEST(FreezeSchedule, AnOptimizerThatFollowsModesEqualsOneToldByHand) {
  const std::vector<std::vector<std::string>> modes = {
      {"layer3", "layer4", "stem"}, {"layer4"}, {"layer3", "layer4"}, {"layer3", "layer4", "stem"}};
  Subject subject;
  auto adam = std::make_unique<Adam>(subject.groups(modes[0]));
  HandAdam hand;
  std::map<std::string, std::vector<float>> parameters;
  for (const auto& [name, tensor] : subject.tensors) parameters[name] = tensor.to_host();
  int step = 0;
  for (const std::vector<std::string>& mode : modes) {
    adam->set_groups(subject.groups(mode));
    hand.tell(mode, kSize);
    for (int k = 0; k < 3; ++k, ++step) {
      adam->zero_grad();
      for (const std::string& name : mode) {
        hand.step(name, subject.give_gradient(name, step), 1e-2, parameters[name]);
      }
      adam->step(1.0);
      if (k != 1) continue;
      StateDict state;  // a resume in the middle of every mode
      adam->save(state);
      adam = std::make_unique<Adam>(subject.groups(mode));
      adam->load(state);
    }
    StateDict state;
    adam->save(state);
    EXPECT_EQ(state.size(), 3 * hand.states().size());
    for (const auto& [name, s] : hand.states()) {
      expect_same(state.at("adam." + name + ".first").to_floats("m"), s.m, name);
      expect_same(state.at("adam." + name + ".second").to_floats("v"), s.v, name);
      EXPECT_EQ(state.at("adam." + name + ".step").to_int64("t")[0], s.step) << name;
    }
    for (const auto& [name, tensor] : subject.tensors) {
      expect_same(tensor.to_host(), parameters[name], name);
    }
  }
}

TEST(FreezeSchedule, WhatIsFrozenIsFreedAndWhatThawsIsAllocated) {
  const auto held = [] {
    const MemoryLedger::Bytes bytes = cpu_backend().ledger().snapshot();
    return bytes.live_of(MemoryTag::kGradients) + bytes.live_of(MemoryTag::kOptimizer);
  };
  const std::int64_t before = held();
  Subject subject;
  Adam adam(subject.groups({"layer3", "layer4", "stem"}));
  EXPECT_EQ(held() - before, 3 * 12 * kSize);
  adam.set_groups(subject.groups({"layer4"}));
  EXPECT_EQ(held() - before, 12 * kSize);
  adam.set_groups(subject.groups({"layer3", "layer4"}));
  EXPECT_EQ(held() - before, 2 * 12 * kSize);
}

Config scheduled_config() {
  return parse_config(
      "observation: {kind: image, image_size: 32}\n"
      "actor_critic:\n"
      "  pretrained_weights: random\n"
      "  backbone:\n"
      "    freeze_mode: none\n"
      "    freeze_schedule:\n"
      "      - {update: 1, freeze_mode: all, backbone_lr: 5e-5}\n"
      "      - {update: 2, freeze_mode: until_layer3, backbone_lr: 5e-5}\n"
      "      - {update: 3, freeze_mode: none, backbone_lr: 1e-5}\n"
      "algorithm: {total_updates: 4, enable_kl_early_stop: false}\n"
      "trainer: {num_envs: 2, rollout_steps: 8, minibatch_size: 4, update_epochs: 1}\n",
      "test", {"system.threads=1"});
}

std::vector<std::string> run(Trainer& trainer, std::int64_t last) {
  std::vector<std::string> changes;
  while (trainer.ppo().updates() < last) {
    changes.push_back(trainer.follow_freeze_schedule());
    trainer.ppo().update();
  }
  return changes;
}

TEST(FreezeSchedule, ResumingAtBeforeAndAfterEverySwitchIsNeverHavingStopped) {
  Trainer whole(scheduled_config(), false);
  const std::vector<std::string> changes = run(whole, 4);
  EXPECT_EQ(changes[0], "");
  EXPECT_NE(changes[1].find("none -> all from update 2"), std::string::npos) << changes[1];
  EXPECT_NE(changes[2].find("trainable 133,904 -> 16,921,360"), std::string::npos) << changes[2];
  EXPECT_EQ(whole.optimizer().groups()[0].lr, 1e-5);
  const SafetensorsFile want = whole.checkpoint();

  Trainer first(scheduled_config(), false);
  for (std::int64_t stop = 1; stop < 4; ++stop) {
    run(first, stop);
    const SafetensorsFile saved = first.checkpoint();
    Trainer resumed(scheduled_config(), true);
    resumed.restore(saved);
    EXPECT_EQ(resumed.backbone().freeze_mode().name, first.backbone().freeze_mode().name);
    run(resumed, 4);
    const SafetensorsFile got = resumed.checkpoint();
    EXPECT_EQ(got.metadata, want.metadata) << stop;
    ASSERT_EQ(got.tensors.size(), want.tensors.size()) << stop;
    for (const auto& [name, tensor] : want.tensors) {
      EXPECT_TRUE(std::equal(tensor.bytes.begin(), tensor.bytes.end(),
                             got.tensors.at(name).bytes.begin(), got.tensors.at(name).bytes.end()))
          << name << " after stopping at " << stop;
    }
  }
}

TEST(FreezeSchedule, AScheduleThatCannotBeFollowedIsRefusedByStepAndEntry) {
  const auto problem = [](const std::string& schedule) -> std::string {
    try {
      parse_config("actor_critic: {backbone: {freeze_schedule: " + schedule + "}}", "x.yaml", {});
    } catch (const std::exception& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto says = [&](const std::string& schedule, const std::string& text) {
    EXPECT_NE(problem(schedule).find(text), std::string::npos) << problem(schedule);
  };
  EXPECT_EQ(problem("[{update: 5, freeze_mode: none, backbone_lr: 1e-5}]"), "accepted");
  says("{update: 5}", "must be a list");
  says("[{update: 5, freeze_mode: none}]", "step 1 lacks 'backbone_lr'");
  says("[{update: 5, freeze_mode: ice, backbone_lr: 1}]",
       "step 1 has 'freeze_mode', which is 'ice'");
  says("[{update: 5, mode: none, backbone_lr: 1}]", "unknown entry 'mode'");
  says(
      "[{update: 5, freeze_mode: none, backbone_lr: 1}, {update: 5, freeze_mode: all, "
      "backbone_lr: 1}]",
      "step 2 begins at update 5, not after the step before it, 5");
}

}  // namespace
}  // namespace frost
