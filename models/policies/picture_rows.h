#pragma once

#include <cstdint>
#include <vector>

#include "models/observation.h"
#include "models/policies/actor_critic_config.h"

namespace frost {

/// What several states show, one after another.
struct PictureRows {
  std::vector<std::uint8_t> pixels;  ///< [states, frames, height, width, channels]
  std::vector<float> values;         ///< [states, values]
};

/// Throws Error for anything but pictures as `input` says.
PictureRows picture_rows(const std::vector<const Observation*>& observations,
                         const PictureInput& input);

/// The frames of each state side by side: [states, height, width, frames * channels].
std::vector<std::uint8_t> frames_as_channels(const std::vector<std::uint8_t>& pixels,
                                             const PictureInput& input);

}  // namespace frost
