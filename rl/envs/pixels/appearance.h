#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/io/rgb_image.h"
#include "rl/envs/canvas.h"

namespace frost {

/// How a drawn environment looks: what is seen changes with it, and no state, reward or end does.
struct Appearance {
  enum class Colours {
    kStandard,         ///< the environment's own
    kDrawn,            ///< drawn from `seed`, the same in all episodes
    kDrawnPerEpisode,  ///< drawn from `seed` and the episode's seed
  };

  Colours colours = Colours::kStandard;
  std::uint64_t seed = 0;  ///< of colours, and of which background an episode has
  /// Pictures of the observation's size, one of them behind each episode; null: a plain colour.
  std::shared_ptr<const std::vector<RgbImage>> backgrounds;
  int right = 0, down = 0;  ///< pixels by which the things drawn are moved
};

/// Colours by what they are for: the plain background first, then the things drawn.
using Palette = std::vector<Colour>;

/// The colours of an episode: `standard`, or as many others that are far from each other.
Palette episode_palette(const Appearance& appearance, const Palette& standard,
                        std::uint64_t episode_seed);

/// The picture behind an episode, as `appearance` owns it; null: none.
const RgbImage* episode_background(const Appearance& appearance, std::uint64_t episode_seed);

}  // namespace frost
