#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rl/envs/control/control_environment.h"
#include "rl/envs/pixels/painted_environment.h"

namespace frost {

/// A control problem seen as a picture of its positions: dynamics, rewards, ends and starts are
/// those of the vector environment inside. Velocities are not shown (docs/pixels.md).
class PixelControl : public PaintedEnvironment {
 public:
  using State = ControlEnvironment::State;

  void reset(std::uint64_t episode_seed) override;
  /// As ControlEnvironment::start.
  void start(State state, std::uint64_t seed = 0);
  StepResult step(const Action& action) override { return task_->step(action); }
  int episode_steps() const override { return task_->episode_steps(); }
  double progress() const override { return task_->progress(); }
  void limit_time(int steps) override;
  std::vector<std::uint8_t> save_state() const override { return task_->save_state(); }
  void load_state(const std::vector<std::uint8_t>& bytes) override;
  Action scripted_action(const std::string& policy, RandomStream& stream) const override;
  std::vector<std::string> state_row() const override;

  const State& state() const { return task_->state(); }

 protected:
  /// `columns` name what the vector environment observes, `policy` what `controller` does.
  PixelControl(const char* name, std::unique_ptr<ControlEnvironment> task,
               std::vector<std::string> columns, const char* policy, Palette standard);

  virtual Action controller() const = 0;

 private:
  std::unique_ptr<ControlEnvironment> task_;
};

/// CartPole-v1; the policy "balance" keeps the pole up.
class PixelCartPole : public PixelControl {
 public:
  PixelCartPole();

 protected:
  void paint_still(Painter& painter, const Palette& colours) const override;
  void paint_moving(Painter& painter, const Palette& colours) const override;
  Action controller() const override;
};

/// Pendulum-v1; the policy "swing_up" pumps energy and then balances.
class PixelPendulum : public PixelControl {
 public:
  PixelPendulum();

 protected:
  void paint_still(Painter& painter, const Palette& colours) const override;
  void paint_moving(Painter& painter, const Palette& colours) const override;
  Action controller() const override;
};

/// Acrobot-v1; the policy "pump" pushes the elbow the way it turns.
class PixelAcrobot : public PixelControl {
 public:
  PixelAcrobot();

 protected:
  void paint_still(Painter& painter, const Palette& colours) const override;
  void paint_moving(Painter& painter, const Palette& colours) const override;
  Action controller() const override;
};

/// MountainCar-v0; the policy "pump" accelerates the way the car rolls.
class PixelMountainCar : public PixelControl {
 public:
  PixelMountainCar();

 protected:
  void paint_still(Painter& painter, const Palette& colours) const override;
  void paint_moving(Painter& painter, const Palette& colours) const override;
  Action controller() const override;
};

}  // namespace frost
