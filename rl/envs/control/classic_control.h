#pragma once

#include "rl/envs/control/control_environment.h"

namespace frost {

/// The pole on a cart of Barto, Sutton and Anderson 1983, as Gymnasium's CartPole-v1: push left or
/// right, 1 per step, the end at 12 degrees or 2.4 m, 500 steps (docs/reference.md).
///
/// State and observation: position (m), velocity, pole angle (rad), angular velocity.
class CartPole : public ControlEnvironment {
 public:
  CartPole();

 protected:
  State initial_state(RandomStream& stream) const override;
  Outcome advance(State& state, const Action& action, RandomStream& stream) const override;
  std::vector<float> features(const State& state) const override;
};

/// The two-link pendulum of Sutton 1996 driven at the elbow, as Gymnasium's Acrobot-v1 ("book"
/// dynamics): torque -1, 0 or 1, -1 per step until the tip is a link's length above the pivot, 500
/// steps (docs/reference.md).
///
/// State: angles of the first link and of the second against it (rad), their velocities.
/// Observation: cosine and sine of both angles, both velocities.
class Acrobot : public ControlEnvironment {
 public:
  Acrobot();

 protected:
  State initial_state(RandomStream& stream) const override;
  Outcome advance(State& state, const Action& action, RandomStream& stream) const override;
  std::vector<float> features(const State& state) const override;
};

/// The car in a valley of Moore 1990, as Gymnasium's MountainCar-v0: accelerate left, not, or
/// right, -1 per step until position 0.5, 200 steps (docs/reference.md).
///
/// State and observation: position, velocity.
class MountainCar : public ControlEnvironment {
 public:
  MountainCar();

 protected:
  State initial_state(RandomStream& stream) const override;
  Outcome advance(State& state, const Action& action, RandomStream& stream) const override;
  std::vector<float> features(const State& state) const override;
};

/// The swing-up of a pendulum by a torque in [-2, 2] N m, as Gymnasium's Pendulum-v1: per step the
/// negative of angle^2 + 0.1 velocity^2 + 0.001 torque^2, 200 steps (docs/reference.md).
///
/// State: angle from upright (rad, not wrapped), velocity. Observation: cosine and sine of the
/// angle, velocity.
class Pendulum : public ControlEnvironment {
 public:
  Pendulum();

 protected:
  State initial_state(RandomStream& stream) const override;
  Outcome advance(State& state, const Action& action, RandomStream& stream) const override;
  std::vector<float> features(const State& state) const override;
};

}  // namespace frost
