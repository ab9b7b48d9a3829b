#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/frozen_prefix.h"

namespace frost {

/// What a frozen prefix made of the frames of the last call: a frame that stays in the stacks of
/// consecutive states is run once.
class FrameMemory {
 public:
  /// Features of every frame, [states * frames, width], for bytes [states, frames, picture].
  ///
  /// A frame is known where its bytes equal those of the frame before it in the same stack, or of
  /// the frame that was in its place or one behind it in the same state of the last call. Bit for
  /// bit as `prefix.run` of all frames.
  Tensor features(Backend& backend, std::vector<std::uint8_t> bytes, std::int64_t states,
                  std::int64_t frames, FrozenPrefix& prefix);
  /// Frames that were given to the prefix so far.
  std::int64_t computed() const { return computed_; }

 private:
  /// Row of `features_` with what is known of the frame, or -1.
  std::int64_t find_known(std::span<const std::uint8_t> frame, std::int64_t state,
                          std::int64_t place, std::int64_t frames) const;

  std::vector<std::uint8_t> bytes_;  ///< of the last call
  std::int64_t states_ = 0;
  Tensor features_;  ///< [states * frames, width] of the last call
  std::uint64_t prefix_id_ = 0;
  std::int64_t computed_ = 0;
};

}  // namespace frost
