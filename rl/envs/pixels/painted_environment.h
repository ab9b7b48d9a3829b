#pragma once

#include <cstdint>
#include <vector>

#include "rl/environment.h"
#include "rl/envs/pixels/appearance.h"
#include "rl/envs/pixels/painter.h"

namespace frost {

/// An environment that shows itself as a drawing of `kSide` x `kSide` x 3 bytes: a pure function of
/// its state, the episode's seed and the appearance.
///
/// A subclass has the rules, draws what moves and what stands still in an episode, and calls
/// `dress` where an episode begins.
class PaintedEnvironment : public Environment {
 public:
  static constexpr int kSide = 84;

  /// Throws Error before the first episode.
  Observation observe() const override;
  RgbImage render(const RenderRequest& request) const override;
  /// Throws Error for backgrounds of another size.
  void set_appearance(const Appearance& appearance) override;

 protected:
  /// `spec` without an observation; `values` are floats beside the picture.
  PaintedEnvironment(EnvironmentSpec spec, Palette standard, int values = 0);

  /// Takes the colours and the background of an episode and draws what stands still in it; after
  /// each `reset` and `load_state`.
  void dress(std::uint64_t episode_seed);

  virtual void paint_still(Painter& painter, const Palette& colours) const = 0;
  virtual void paint_moving(Painter& painter, const Palette& colours) const = 0;
  virtual std::vector<float> values() const { return {}; }

 private:
  Painter painter(Canvas& canvas, int scale) const;
  RgbImage still_picture(int scale) const;

  Palette standard_, palette_;
  Appearance appearance_;
  std::uint64_t episode_seed_ = 0;
  RgbImage still_;  ///< what is in all pictures of the episode; empty before the first
};

}  // namespace frost
