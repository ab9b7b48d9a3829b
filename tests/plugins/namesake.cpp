#include "rl/plugin/environment_plugin.h"

namespace frost {

/// Has the name of a class of the program, and is none of it.
class CartPole : public Environment {
 public:
  CartPole();
  void reset(std::uint64_t) override;
  StepResult step(const Action&) override;
  Observation observe() const override;
  int episode_steps() const override;
};

namespace {

EnvironmentSpec describe() {
  EnvironmentSpec spec;
  spec.name = "another CartPole";
  spec.observation = VectorSpec{1};
  spec.actions.choices = 2;
  return spec;
}

}  // namespace

CartPole::CartPole() : Environment(describe()) {}
void CartPole::reset(std::uint64_t) {}
StepResult CartPole::step(const Action&) {
  StepResult result;
  result.reward = {77.0};
  return result;
}
Observation CartPole::observe() const {
  return VectorObservation{{7.0f}};
}
int CartPole::episode_steps() const {
  return 7;
}

}  // namespace frost

FROST_ENVIRONMENT_PLUGIN(frost::CartPole)
