#include "rl/envs/pixels/pixel_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "rl/envs/control/classic_control.h"

namespace frost {
namespace {

EnvironmentSpec describe(const char* name, EnvironmentSpec spec, std::vector<std::string> columns,
                         const char* policy) {
  spec.name = name;
  spec.state_columns = std::move(columns);
  spec.scripted_policies = {policy};
  return spec;
}

constexpr double kSide = PaintedEnvironment::kSide, kMiddle = kSide / 2;
/// Beyond the picture on either side, however far it is moved.
constexpr double kFarLeft = -kSide, kFarRight = 2 * kSide;

}  // namespace

PixelControl::PixelControl(const char* name, std::unique_ptr<ControlEnvironment> task,
                           std::vector<std::string> columns, const char* policy, Palette standard)
    : PaintedEnvironment(describe(name, task->spec(), std::move(columns), policy),
                         std::move(standard)),
      task_(std::move(task)) {}

void PixelControl::reset(std::uint64_t episode_seed) {
  task_->reset(episode_seed);
  dress(episode_seed);
}

void PixelControl::start(State state, std::uint64_t seed) {
  task_->start(std::move(state), seed);
  dress(seed);
}

void PixelControl::limit_time(int steps) {
  task_->limit_time(steps);
  set_time_limit(steps);
}

void PixelControl::load_state(const std::vector<std::uint8_t>& bytes) {
  task_->load_state(bytes);
  dress(task_->episode_seed());
}

Action PixelControl::scripted_action(const std::string& policy, RandomStream& stream) const {
  if (policy != spec().scripted_policies.front())
    return Environment::scripted_action(policy, stream);
  return controller();
}

std::vector<std::string> PixelControl::state_row() const {
  std::vector<std::string> row;
  const Observation observed = task_->observe();
  for (const float value : std::get<VectorObservation>(observed).values) {
    row.push_back(fmt::format("{}", value));
  }
  return row;
}

PixelCartPole::PixelCartPole()
    : PixelControl("PixelCartPole", std::make_unique<CartPole>(),
                   {"position", "velocity", "angle", "angular_velocity"}, "balance",
                   {{255, 255, 255}, {90, 90, 90}, {30, 60, 120}, {210, 110, 40}, {20, 20, 20}}) {}

namespace {

constexpr double kTrack = 74, kAxle = 68;

}  // namespace

void PixelCartPole::paint_still(Painter& painter, const Palette& colours) const {
  painter.line(kFarLeft, kTrack, kFarRight, kTrack, 2, colours[1]);
}

void PixelCartPole::paint_moving(Painter& painter, const Palette& colours) const {
  // The pole is four times as long as positions are to scale: 12 degrees move its tip by 11 pixels.
  constexpr double kPixelsPerMetre = 12.5, kPole = 52;
  const double x = kMiddle + kPixelsPerMetre * state()[0], angle = state()[2];
  painter.box(x - 9, kAxle - 5, 18, 10, colours[2]);
  painter.line(x, kAxle, x + kPole * std::sin(angle), kAxle - kPole * std::cos(angle), 5,
               colours[3]);
  painter.disc(x, kAxle, 2, colours[4]);
}

Action PixelCartPole::controller() const {
  const State& s = state();
  const double push = s[0] + 2 * s[1] + 35 * s[2] + 8 * s[3];
  return {{push > 0 ? 1 : 0}, {}};
}

PixelPendulum::PixelPendulum()
    : PixelControl("PixelPendulum", std::make_unique<Pendulum>(),
                   {"cosine", "sine", "angular_velocity"}, "swing_up",
                   {{255, 255, 255}, {20, 20, 20}, {200, 70, 70}, {40, 80, 160}}) {}

void PixelPendulum::paint_still(Painter&, const Palette&) const {}

void PixelPendulum::paint_moving(Painter& painter, const Palette& colours) const {
  constexpr double kRod = 30;
  const double angle = state()[0];  // from upright; positive turns to the left, as Gymnasium draws
  const double x = kMiddle - kRod * std::sin(angle), y = kMiddle - kRod * std::cos(angle);
  painter.line(kMiddle, kMiddle, x, y, 7, colours[2]);
  painter.disc(x, y, 7, colours[3]);
  painter.disc(kMiddle, kMiddle, 3, colours[1]);
}

Action PixelPendulum::controller() const {
  const double angle = std::remainder(state()[0], 2 * M_PI), spin = state()[1];
  constexpr double kUpright = 15;  // the energy at rest up there, per moment of inertia
  const double missing = kUpright - (spin * spin / 2 + kUpright * std::cos(angle));
  const bool near = std::abs(angle) < 0.4 && std::abs(spin) < 2.5;
  const double torque = near          ? -(10 * angle + 2 * spin)
                        : spin == 0.0 ? 2.0
                                      : missing * std::copysign(1.0, spin);
  return {{}, {static_cast<float>(std::clamp(torque, -2.0, 2.0))}};
}

PixelAcrobot::PixelAcrobot()
    : PixelControl(
          "PixelAcrobot", std::make_unique<Acrobot>(),
          {"cosine_1", "sine_1", "cosine_2", "sine_2", "angular_velocity_1", "angular_velocity_2"},
          "pump", {{255, 255, 255}, {90, 90, 90}, {0, 150, 150}, {170, 60, 140}, {20, 20, 20}}) {}

namespace {

constexpr double kLink = 19;

}  // namespace

void PixelAcrobot::paint_still(Painter& painter, const Palette& colours) const {
  painter.line(kFarLeft, kMiddle - kLink, kFarRight, kMiddle - kLink, 1.5, colours[1]);
}

void PixelAcrobot::paint_moving(Painter& painter, const Palette& colours) const {
  const double first = state()[0], second = first + state()[1];  // from hanging
  const double elbow_x = kMiddle + kLink * std::sin(first);
  const double elbow_y = kMiddle + kLink * std::cos(first);
  painter.line(kMiddle, kMiddle, elbow_x, elbow_y, 5, colours[2]);
  painter.line(elbow_x, elbow_y, elbow_x + kLink * std::sin(second),
               elbow_y + kLink * std::cos(second), 5, colours[3]);
  painter.disc(kMiddle, kMiddle, 3, colours[4]);
  painter.disc(elbow_x, elbow_y, 3, colours[4]);
}

Action PixelAcrobot::controller() const {
  return {{state()[3] >= 0 ? 2 : 0}, {}};
}

PixelMountainCar::PixelMountainCar()
    : PixelControl("PixelMountainCar", std::make_unique<MountainCar>(), {"position", "velocity"},
                   "pump",
                   {{255, 255, 255}, {70, 110, 60}, {180, 50, 50}, {60, 60, 60}, {230, 140, 0}}) {}

namespace {

constexpr double kPixelsPerUnit = 76 / 1.8, kLeftEnd = -1.2;

double column_of(double position) {
  return 4 + kPixelsPerUnit * (position - kLeftEnd);
}

/// The top of the hill; heights and positions have one scale.
double row_of(double position) {
  return 74 - kPixelsPerUnit * 0.45 * (std::sin(3 * position) + 1);
}

}  // namespace

void PixelMountainCar::paint_still(Painter& painter, const Palette& colours) const {
  constexpr double kStep = 0.05, kGoal = 0.5;
  for (double p = -2.4; p < 1.8; p += kStep) {
    painter.line(column_of(p), row_of(p), column_of(p + kStep), row_of(p + kStep), 3, colours[1]);
  }
  const double x = column_of(kGoal), y = row_of(kGoal);
  painter.line(x, y, x, y - 20, 1.5, colours[3]);
  painter.box(x - 9, y - 20, 9, 7, colours[4]);
}

void PixelMountainCar::paint_moving(Painter& painter, const Palette& colours) const {
  constexpr double kRadius = 5;
  const double position = state()[0], slope = 1.35 * std::cos(3 * position);
  const double length = std::hypot(slope, 1.0), above = kRadius + 1.5;
  painter.disc(column_of(position) - above * slope / length, row_of(position) - above / length,
               kRadius, colours[2]);
}

Action PixelMountainCar::controller() const {
  return {{state()[1] >= 0 ? 2 : 0}, {}};
}

}  // namespace frost
