#include "rl/environment_registry.h"

#include <gtest/gtest.h>

#include "kernels/errors.h"
#include "tests/engine/errors.h"
#include "tools/config/config.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

/// Three steps that earn the choice made; it names no ending.
class ThreeSteps : public Environment {
 public:
  ThreeSteps() : Environment(describe()) {}
  void reset(std::uint64_t) override { steps_ = 0; }
  StepResult step(const Action& action) override {
    StepResult result;
    result.reward = {static_cast<double>(action.decisions[0])};
    result.terminated = ++steps_ == 3;
    return result;
  }
  Observation observe() const override { return VectorObservation{{static_cast<float>(steps_)}}; }
  int episode_steps() const override { return steps_; }

 private:
  static EnvironmentSpec describe() {
    EnvironmentSpec spec;
    spec.name = "ThreeSteps";
    spec.observation = VectorSpec{1};
    spec.actions.choices = 2;
    return spec;
  }
  int steps_ = 0;
};

TEST(EnvironmentRegistry, AnEnvironmentFromOutsideTrainsByItsName) {
  register_environment("ThreeSteps", [] { return std::make_unique<ThreeSteps>(); });
  EXPECT_EQ(error_of([] { register_environment("ThreeSteps", {}); }),
            "an environment is called 'ThreeSteps' already");
  EXPECT_EQ(find_environment("ThreeSteps")()->spec().name, "ThreeSteps");

  // Its own configuration, as a program makes it: the table of keys is fixed at its first use.
  Config config;
  config.environment_name = "ThreeSteps";
  config.ppo.num_envs = 2;
  config.ppo.rollout_steps = 12;
  config.ppo.minibatch_size = 6;
  config.system.threads = 1;
  Trainer trainer(config, false);
  const Metrics metrics = trainer.ppo().update();
  EXPECT_EQ(metrics.at("charts/episodes_finished"), 4);
  EXPECT_EQ(metrics.at("charts/episodic_length"), 3);
  for (const EpisodeRecord& e : trainer.ppo().finished_episodes()) {
    EXPECT_EQ(e.ending, EnvironmentSpec::kTerminated);
  }
  EXPECT_NE(error_of([&] { trainer.checkpoint(); }).find("does not save its state"),
            std::string::npos);
}

}  // namespace
}  // namespace frost
