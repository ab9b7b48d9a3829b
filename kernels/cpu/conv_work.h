#pragma once

#include <cstdint>

#include "kernels/backend.h"

// What the CPU backend does for a convolution, for programs that compare it with what a core can
// do.
namespace frost {

/// Multiplications of one forward pass by the kernel that the shape gets: fewer than one per tap
/// where the kernel is a short correlation or leaves out taps that meet only padding. Transforms
/// are not counted. The gradients run the same algorithm and take as many.
std::int64_t conv2d_multiplications(const Conv2dShape& shape);

/// A word for that kernel.
const char* conv2d_algorithm(const Conv2dShape& shape);

}  // namespace frost
