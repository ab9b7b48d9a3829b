#include "rl/envs/control/classic_control.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace frost {
namespace {

constexpr double kPi = std::numbers::pi;
/// Wider than any velocity or unwrapped angle that an episode reaches.
constexpr double kFar = 1e4;

ActionSpace one_choice_of(int choices) {
  ActionSpace space;
  space.choices = choices;
  return space;
}

ActionSpace torque() {
  ActionSpace space;
  space.continuous = {{-2.0, 2.0, Squash::kClip}};
  return space;
}

std::vector<float> as_floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

std::vector<double> uniform_state(RandomStream& stream, std::size_t size, double bound) {
  std::vector<double> state(size);
  for (double& value : state) value = stream.uniform(-bound, bound);
  return state;
}

}  // namespace

CartPole::CartPole()
    : ControlEnvironment("CartPole-v1", one_choice_of(2), 4,
                         std::vector<Interval>(4, {-kFar, kFar}), 500) {}

CartPole::State CartPole::initial_state(RandomStream& stream) const {
  return uniform_state(stream, 4, 0.05);
}

CartPole::Outcome CartPole::advance(State& state, const Action& action, RandomStream&) const {
  constexpr double kGravity = 9.8, kForce = 10.0, kSeconds = 0.02;
  constexpr double kPoleMass = 0.1, kMass = 1.1, kHalfLength = 0.5;
  constexpr double kMaxPosition = 2.4, kMaxAngle = 12 * 2 * kPi / 360;
  const auto [x, v, angle, spin] = std::array{state[0], state[1], state[2], state[3]};
  const double force = action.decisions[0] == 1 ? kForce : -kForce;
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const double push = (force + kPoleMass * kHalfLength * spin * spin * sine) / kMass;
  const double angular = (kGravity * sine - cosine * push) /
                         (kHalfLength * (4.0 / 3.0 - kPoleMass * cosine * cosine / kMass));
  const double linear = push - kPoleMass * kHalfLength * angular * cosine / kMass;
  state = {x + kSeconds * v, v + kSeconds * linear, angle + kSeconds * spin,
           spin + kSeconds * angular};
  return {1.0, std::abs(state[0]) > kMaxPosition || std::abs(state[2]) > kMaxAngle};
}

std::vector<float> CartPole::features(const State& state) const {
  return as_floats(state);
}

namespace {

using Links = std::array<double, 4>;  ///< both angles, both velocities

/// The time derivative under a torque between the links; masses and lengths are 1, the centres of
/// mass half-way, the moments of inertia 1.
Links acrobot_derivative(const Links& s, double torque) {
  constexpr double kGravity = 9.8;
  const auto [angle1, angle2, spin1, spin2] = s;
  const double cosine = std::cos(angle2), sine = std::sin(angle2);
  const double d1 = 3.5 + cosine;
  const double d2 = 1.25 + 0.5 * cosine;
  const double phi2 = 0.5 * kGravity * std::cos(angle1 + angle2 - kPi / 2);
  const double phi1 = -0.5 * spin2 * spin2 * sine - spin2 * spin1 * sine +
                      1.5 * kGravity * std::cos(angle1 - kPi / 2) + phi2;
  const double acceleration2 =
      (torque + d2 / d1 * phi1 - 0.5 * spin1 * spin1 * sine - phi2) / (1.25 - d2 * d2 / d1);
  const double acceleration1 = -(d2 * acceleration2 + phi1) / d1;
  return {spin1, spin2, acceleration1, acceleration2};
}

Links moved(const Links& from, double seconds, const Links& rate) {
  Links to;
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[i] + seconds * rate[i];
  return to;
}

/// One step of the classical Runge-Kutta method.
Links runge_kutta(const Links& s, double torque, double seconds) {
  const Links k1 = acrobot_derivative(s, torque);
  const Links k2 = acrobot_derivative(moved(s, seconds / 2, k1), torque);
  const Links k3 = acrobot_derivative(moved(s, seconds / 2, k2), torque);
  const Links k4 = acrobot_derivative(moved(s, seconds, k3), torque);
  Links sum;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i];
  return moved(s, seconds / 6, sum);
}

/// The angle turned by whole circles into [-pi, pi].
double wrapped(double angle) {
  while (angle > kPi) angle -= 2 * kPi;
  while (angle < -kPi) angle += 2 * kPi;
  return angle;
}

constexpr double kMaxSpin1 = 4 * kPi, kMaxSpin2 = 9 * kPi;

}  // namespace

Acrobot::Acrobot()
    : ControlEnvironment(
          "Acrobot-v1", one_choice_of(3), 6,
          {{-kPi, kPi}, {-kPi, kPi}, {-kMaxSpin1, kMaxSpin1}, {-kMaxSpin2, kMaxSpin2}}, 500) {}

Acrobot::State Acrobot::initial_state(RandomStream& stream) const {
  State state = uniform_state(stream, 4, 0.1);
  for (double& value : state) value = static_cast<float>(value);  // as Gymnasium rounds it
  return state;
}

Acrobot::Outcome Acrobot::advance(State& state, const Action& action, RandomStream&) const {
  constexpr double kSeconds = 0.2;
  const double torque = action.decisions[0] - 1;
  const Links next = runge_kutta({state[0], state[1], state[2], state[3]}, torque, kSeconds);
  state = {wrapped(next[0]), wrapped(next[1]), std::clamp(next[2], -kMaxSpin1, kMaxSpin1),
           std::clamp(next[3], -kMaxSpin2, kMaxSpin2)};
  const bool reached = -std::cos(state[0]) - std::cos(state[1] + state[0]) > 1.0;
  return {reached ? 0.0 : -1.0, reached};
}

std::vector<float> Acrobot::features(const State& s) const {
  return as_floats({std::cos(s[0]), std::sin(s[0]), std::cos(s[1]), std::sin(s[1]), s[2], s[3]});
}

namespace {

constexpr double kLeftEnd = -1.2, kRightEnd = 0.6, kMaxCarSpeed = 0.07;

}  // namespace

MountainCar::MountainCar()
    : ControlEnvironment("MountainCar-v0", one_choice_of(3), 2,
                         {{kLeftEnd, kRightEnd}, {-kMaxCarSpeed, kMaxCarSpeed}}, 200) {}

MountainCar::State MountainCar::initial_state(RandomStream& stream) const {
  return {stream.uniform(-0.6, -0.4), 0.0};
}

MountainCar::Outcome MountainCar::advance(State& state, const Action& action, RandomStream&) const {
  constexpr double kForce = 0.001, kGravity = 0.0025, kGoal = 0.5;
  const double slope = std::cos(3 * state[0]);
  double speed = state[1] + (action.decisions[0] - 1) * kForce - slope * kGravity;
  speed = std::clamp(speed, -kMaxCarSpeed, kMaxCarSpeed);
  const double position = std::clamp(state[0] + speed, kLeftEnd, kRightEnd);
  if (position == kLeftEnd && speed < 0) speed = 0;
  state = {position, speed};
  return {-1.0, position >= kGoal && speed >= 0};
}

std::vector<float> MountainCar::features(const State& state) const {
  return as_floats(state);
}

namespace {

constexpr double kMaxPendulumSpin = 8.0;

/// The angle in [-pi, pi), by the floored remainder.
double normalized(double angle) {
  const double turned = angle + kPi;
  return turned - 2 * kPi * std::floor(turned / (2 * kPi)) - kPi;
}

}  // namespace

Pendulum::Pendulum()
    : ControlEnvironment("Pendulum-v1", torque(), 3,
                         {{-kFar, kFar}, {-kMaxPendulumSpin, kMaxPendulumSpin}}, 200) {}

Pendulum::State Pendulum::initial_state(RandomStream& stream) const {
  const double angle = stream.uniform(-kPi, kPi);
  return {angle, stream.uniform(-1.0, 1.0)};
}

Pendulum::Outcome Pendulum::advance(State& state, const Action& action, RandomStream&) const {
  constexpr double kGravity = 10.0, kSeconds = 0.05;
  const float torque = action.parameters[0];  // what is of it alone stays float32 in Gymnasium
  const double off = normalized(state[0]), before = state[1];
  const double cost = off * off + 0.1 * before * before + 0.001f * (torque * torque);
  const double acceleration = 1.5 * kGravity * std::sin(state[0]) + 3.0f * torque;
  const double spin =
      std::clamp(before + kSeconds * acceleration, -kMaxPendulumSpin, kMaxPendulumSpin);
  state = {state[0] + kSeconds * spin, spin};
  return {-cost};
}

std::vector<float> Pendulum::features(const State& s) const {
  return as_floats({std::cos(s[0]), std::sin(s[0]), s[1]});
}

}  // namespace frost
