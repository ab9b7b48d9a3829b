#pragma once

#include "rl/envs/control/control_environment.h"

namespace frost {

/// Environments that show a random value and reward acting it, at most 1 per step, for 100 steps:
/// the return of an optimal policy is 100. In the spirit of Stable-Baselines3's identity
/// environments; docs/reference.md, "Identity".
class IdentityEnvironment : public ControlEnvironment {
 protected:
  static constexpr int kSteps = 100;

  IdentityEnvironment(const std::string& name, ActionSpace actions, int observed,
                      std::vector<Interval> bounds)
      : ControlEnvironment(name, std::move(actions), observed, std::move(bounds), kSteps) {}
  /// What acting earns in the state; the next state is drawn anew.
  virtual double reward(const State& shown, const Action& action) const = 0;

 private:
  Outcome advance(State& state, const Action& action, RandomStream& stream) const final;
};

/// One of 4 symbols, observed one-hot; 1 for choosing it.
class IdentityDiscrete : public IdentityEnvironment {
 public:
  static constexpr int kSymbols = 4;

  IdentityDiscrete();

 protected:
  State initial_state(RandomStream& stream) const override;
  double reward(const State& shown, const Action& action) const override;
  std::vector<float> features(const State& state) const override;
};

/// Two of 4 symbols, observed one-hot; 1 for choosing both, in two decision rows.
class IdentityMultiDiscrete : public IdentityEnvironment {
 public:
  static constexpr int kRows = 2, kSymbols = 4;

  IdentityMultiDiscrete();

 protected:
  State initial_state(RandomStream& stream) const override;
  double reward(const State& shown, const Action& action) const override;
  std::vector<float> features(const State& state) const override;
};

/// A number in [-1, 1]; 1 less the distance of the action, clipped to [-1, 1], from it.
class IdentityBox : public IdentityEnvironment {
 public:
  IdentityBox();

 protected:
  State initial_state(RandomStream& stream) const override;
  double reward(const State& shown, const Action& action) const override;
  std::vector<float> features(const State& state) const override;
};

/// One of 2 symbols, observed one-hot, and a number in [-1, 1]; a half for choosing the symbol, and
/// half of 1 less the distance of the action, tanh of the sample, from the number.
class IdentityHybrid : public IdentityEnvironment {
 public:
  static constexpr int kSymbols = 2;

  IdentityHybrid();

 protected:
  State initial_state(RandomStream& stream) const override;
  double reward(const State& shown, const Action& action) const override;
  std::vector<float> features(const State& state) const override;
};

}  // namespace frost
