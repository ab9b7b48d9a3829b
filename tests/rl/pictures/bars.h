#pragma once

#include "rl/environment.h"

namespace frost {

/// The vector of another environment as a picture: a bar per number, 24 x 32 pixels of one or three
/// channels, and the numbers themselves beside it where `values`.
class Bars : public Environment {
 public:
  /// `resumes` false: as one whose episodes do not go on after a load.
  Bars(std::unique_ptr<Environment> numbers, int channels, bool values, bool resumes = true);

  void reset(std::uint64_t episode_seed) override { numbers_->reset(episode_seed); }
  StepResult step(const Action& action) override { return numbers_->step(action); }
  Observation observe() const override;
  int episode_steps() const override { return numbers_->episode_steps(); }
  std::vector<std::uint8_t> save_state() const override { return numbers_->save_state(); }
  void load_state(const std::vector<std::uint8_t>& state) override { numbers_->load_state(state); }
  void limit_time(int steps) override;

  static constexpr int kHeight = 24, kWidth = 32;

 private:
  std::unique_ptr<Environment> numbers_;
};

}  // namespace frost
