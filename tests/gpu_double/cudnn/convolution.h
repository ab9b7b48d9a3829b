#pragma once

#include <vector>

#include "tests/gpu_double/cudnn/graph.h"

namespace frost::gpu_double::cudnn {

/// A tensor's numbers, dense in the order n, h, w, c (k, kh, kw, c) whatever its layout in memory.
using Numbers = std::vector<double>;

/// The sums of a convolution, over its operands in the order of `operands`.
Numbers convolve(const Convolution& convolution, const Numbers& a, const Numbers& b);

}  // namespace frost::gpu_double::cudnn
