#pragma once

#include "rl/replay_environment.h"

namespace frost {

/// An environment whose states are the last few pictures of another, oldest first; before the first
/// step, and until there are enough, the first picture stands for those before it (Gymnasium's
/// FrameStackObservation with "reset" padding).
class FrameStack : public Environment {
 public:
  /// Throws UsageError unless the environment shows pictures and `frames` is at least 1.
  FrameStack(std::unique_ptr<Environment> environment, int frames);

  void reset(std::uint64_t episode_seed) override;
  StepResult step(const Action& action) override;
  void begin_reset(std::uint64_t seed) override { environment_->begin_reset(seed); }
  void begin_step(const Action& action) override { environment_->begin_step(action); }
  Observation observe() const override { return seen_; }
  int episode_steps() const override { return environment_->episode_steps(); }
  double progress() const override { return environment_->progress(); }
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& state) override;
  void limit_time(int steps) override;
  /// Of the pictures from now on; those of earlier states stay as they were seen.
  void set_appearance(const Appearance& appearance) override {
    environment_->set_appearance(appearance);
  }

  Action scripted_action(const std::string& policy, RandomStream& stream) const override {
    return environment_->scripted_action(policy, stream);
  }
  RgbImage render(const RenderRequest& request) const override {
    return environment_->render(request);
  }
  std::vector<std::string> state_row() const override { return environment_->state_row(); }
  std::vector<std::string> reward_row() const override { return environment_->reward_row(); }
  std::vector<std::vector<std::string>> detail_rows(const Action* action) const override {
    return environment_->detail_rows(action);
  }

 private:
  std::unique_ptr<Environment> environment_;
  PictureObservation seen_;
};

/// What a `FrameStack` would have shown of the recorded environment. Throws UsageError as its
/// constructor.
RecordedEpisodes stacked_record(const RecordedEpisodes& record, int frames);

/// What such an environment says of itself. Throws UsageError as the constructor.
EnvironmentSpec stacked_spec(EnvironmentSpec spec, int frames);

}  // namespace frost
