// An environment of one's own, learned by PPO: a point is pushed left or right and earns for being
// near the origin. Prints the mean return before and after 30 updates.
#include <frostline/engine/optim/adam.h>
#include <frostline/kernels/backend_registry.h>
#include <frostline/models/policies/policy_factory.h>
#include <frostline/rl/network_config.h>
#include <frostline/rl/ppo/ppo.h>

#include <cmath>
#include <cstdio>

class Line : public frost::Environment {
 public:
  Line() : Environment(describe()) {}
  void reset(std::uint64_t seed) override {
    frost::RandomStream random(seed, frost::StreamPurpose::kLayout);
    x_ = random.uniform(-2.0, 2.0), steps_ = 0;
  }
  frost::StepResult step(const frost::Action& action) override {
    x_ += action.decisions[0] == 0 ? -0.2 : 0.2;
    frost::StepResult result;
    result.reward = {-std::abs(x_)};
    result.truncated = ++steps_ == spec().time_limit;
    return result;
  }
  frost::Observation observe() const override {
    return frost::VectorObservation{{static_cast<float>(x_)}};
  }
  int episode_steps() const override { return steps_; }

 private:
  static frost::EnvironmentSpec describe() {
    frost::EnvironmentSpec spec;
    spec.name = "Line";
    spec.observation = frost::VectorSpec{1};
    spec.actions.choices = 2;
    spec.time_limit = 40;
    return spec;
  }
  double x_ = 0;
  int steps_ = 0;
};

int main() {
  frost::PpoConfig config;
  config.total_updates = 30, config.rollout_steps = 512;
  frost::VectorEnvironment lines([] { return std::make_unique<Line>(); }, config.num_envs, 0);
  const auto network =
      frost::make_policy_network(frost::cpu_backend(), frost::fit_to_environment({}, lines.spec()));
  frost::RandomStream random(0, frost::StreamPurpose::kInit);
  network->initialize(random, false);
  frost::Adam adam(network->param_groups());
  frost::Ppo ppo(*network, adam, lines, config, 0);
  const double before = ppo.update().at("charts/episodic_return");
  double after = before;
  while (ppo.updates() < config.total_updates) after = ppo.update().at("charts/episodic_return");
  std::printf("mean return %.1f, after %lld updates %.1f\n", before,
              static_cast<long long>(ppo.updates()), after);
  return after > before ? 0 : 1;
}
