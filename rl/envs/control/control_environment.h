#pragma once

#include <string>
#include <vector>

#include "engine/random.h"
#include "rl/environment.h"

namespace frost {

/// An environment whose state is a few real numbers and whose episodes a time limit truncates.
///
/// A subclass has the dynamics; this class has what Gymnasium keeps in wrappers: the clock, the
/// check of actions, and records of the state. All reward is in one component.
class ControlEnvironment : public Environment {
 public:
  using State = std::vector<double>;

  void reset(std::uint64_t episode_seed) override;
  /// Starts an episode in `state`; what is random later on comes from `seed`. Throws Error for a
  /// state that no episode can be in.
  void start(State state, std::uint64_t seed = 0);
  StepResult step(const Action& action) override;
  Observation observe() const override { return VectorObservation{features(state_)}; }
  /// The share of the time limit that has passed.
  double progress() const override { return static_cast<double>(steps_) / spec().time_limit; }
  int episode_steps() const override { return steps_; }
  void limit_time(int steps) override { set_time_limit(steps); }
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& bytes) override;

  const State& state() const { return state_; }
  std::uint64_t episode_seed() const { return seed_; }

 protected:
  struct Interval {
    double low, high;
  };
  struct Outcome {
    double reward;
    bool terminated = false;
  };

  /// `observed`: how many features are seen; `bounds`: what each number of the state keeps within,
  /// for the check of records.
  ControlEnvironment(const std::string& name, ActionSpace actions, int observed,
                     std::vector<Interval> bounds, int time_limit);

  virtual State initial_state(RandomStream& stream) const = 0;
  virtual Outcome advance(State& state, const Action& action, RandomStream& stream) const = 0;
  virtual std::vector<float> features(const State& state) const = 0;

 private:
  void check_state(const char* op, const State& state) const;

  std::vector<Interval> bounds_;
  State state_;
  int steps_ = 0;
  bool running_ = false;
  std::uint64_t seed_ = 0;
  RandomStream stream_;
};

}  // namespace frost
