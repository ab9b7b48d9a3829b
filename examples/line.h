// An environment of one's own: a point is pushed left or right and earns for being near the origin.
// own_environment.cpp has it in a program, line_plugin.cpp in a library for bin/train.
#pragma once

#include <frostline/rl/byte_stream.h>
#include <frostline/rl/environment.h>

#include <cmath>

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

  // With these two a run has checkpoints and can be gone on with.
  std::vector<std::uint8_t> save_state() const override {
    frost::StateWriter state;
    state.put(x_), state.put(steps_);
    return state.take();
  }
  void load_state(const std::vector<std::uint8_t>& bytes) override {
    frost::StateReader state("Line", bytes);
    x_ = state.get<double>(), steps_ = state.get<int>();
    state.expect_end();
  }

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
