#pragma once

#include "models/observation.h"
#include "rl/envs/durotaxis/durotaxis.h"

namespace frost {

/// The colony as a one-channel picture of the whole field, side x side: background 96 I / max I by
/// column, every cell a disc of 255 with a radius of one pixel (docs/durotaxis.md, "Image
/// observations").
PictureObservation draw_colony(const Colony& colony, const Substrate& substrate, int side);

/// The colony seen as a picture and steered by one global action: the share of cells to delete, in
/// [0, 0.7], the leftmost first, while all others spawn; in stage 2 also the four spawn parameters
/// of all of them.
class PictureDurotaxis : public Environment {
 public:
  /// Throws UsageError on a configuration that cannot be run, naming the key.
  explicit PictureDurotaxis(const DurotaxisConfig& config);

  void reset(std::uint64_t episode_seed) override { colony_.reset(episode_seed); }
  StepResult step(const Action& action) override { return colony_.step(joint_action(action)); }
  /// What the global action has every cell do. Throws Error if it does not fit the action space.
  Action joint_action(const Action& action) const;
  Observation observe() const override;
  double progress() const override { return colony_.progress(); }
  int episode_steps() const override { return colony_.episode_steps(); }
  std::vector<std::uint8_t> save_state() const override { return colony_.save_state(); }
  void load_state(const std::vector<std::uint8_t>& state) override { colony_.load_state(state); }

  RgbImage render(const RenderRequest& request) const override;
  std::vector<std::string> state_row() const override { return colony_.state_row(); }
  std::vector<std::string> reward_row() const override { return colony_.reward_row(); }
  std::vector<std::vector<std::string>> detail_rows(const Action* action) const override;

  const Durotaxis& durotaxis() const { return colony_; }

 private:
  Durotaxis colony_;
};

}  // namespace frost
