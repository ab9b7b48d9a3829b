#pragma once

#include "kernels/host_device.h"

namespace frost {

/// Convention of every backward kernel: dx is the gradient of a loss by x, given the one by the
/// output, dy; a gradient output is nullable. `kIgnore` computes nothing, `kOverwrite` writes,
/// `kAccumulate` adds to what is there.
enum class GradMode { kIgnore, kOverwrite, kAccumulate };

/// A nullable gradient output.
struct GradOut {
  float* data = nullptr;
  GradMode mode = GradMode::kIgnore;

  explicit operator bool() const { return mode != GradMode::kIgnore; }
};

/// Stores one gradient value under its mode; the caller has ruled out kIgnore.
FROST_HOST_DEVICE inline void store(float value, GradMode mode, float& out) {
  out = mode == GradMode::kAccumulate ? out + value : value;
}

}  // namespace frost
