#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state_dict.h"

namespace frost {

// Numbers that need no file: element i of the tensor called `name` is a hash of both, the same bits
// as tests/golden/closed_form.py computes. All arithmetic is uint32 or exact in double up to one
// rounding.

/// 32-bit FNV-1a of the bytes of `text`.
inline std::uint32_t fnv1a32(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

/// A bijective mix of 32 bits (C. Wellons, "Prospecting for hash functions", constants of
/// lowbias32).
inline std::uint32_t mix32(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7FEB352DU;
  x = (x ^ (x >> 15)) * 0x846CA68BU;
  return x ^ (x >> 16);
}

/// offset + scale * u with u uniform in [-1, 1), rounded once to float32.
/// Where `offset` is not 0, `scale` has few bits, so that a fused multiply-add gives the same
/// value.
inline std::vector<float> closed_form_values(std::string_view name, std::size_t count, double scale,
                                             double offset = 0.0) {
  const std::uint32_t seed = fnv1a32(name);
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = mix32(seed + static_cast<std::uint32_t>(i) * 2654435761U);
    const double uniform = static_cast<double>(static_cast<std::int32_t>(bits)) / 2147483648.0;
    values[i] = static_cast<float>(offset + scale * uniform);
  }
  return values;
}

/// Input [n, c, h, w] in NCHW order, uniform in [-1.5, 1.5).
inline std::vector<float> closed_form_input(std::size_t n, std::size_t c, std::size_t h,
                                            std::size_t w) {
  return closed_form_values("input", n * c * h * w, 1.5);
}

/// What dL/d(output) is in the golden gradients: uniform in [-1, 1).
inline std::vector<float> closed_form_cotangent(std::size_t count) {
  return closed_form_values("cotangent", count, 1.0);
}

/// One tensor under torchvision's name and layout (convolutions [O, I, H, W]); the kind follows
/// from both. Convolutions have variance 2 / fan-in, so that activations keep their size.
inline HostTensor closed_form_tensor(const std::string& name,
                                     const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  double scale = 0.2;  // BatchNorm bias and running_mean
  double offset = 0.0;
  if (shape.size() == 4) {
    scale = std::sqrt(6.0 / static_cast<double>(shape[1] * shape[2] * shape[3]));
  } else if (shape.size() == 2) {
    scale = std::sqrt(3.0 / static_cast<double>(shape[1]));
  } else if (name == "fc.bias") {
    scale = 0.1;
  } else if (name.ends_with("running_var")) {
    scale = 0.5;
    offset = 1.0;
  } else if (name.ends_with(".weight")) {
    scale = 0.3125;
    offset = 1.0;
  }
  return HostTensor::from_floats(shape, closed_form_values(name, count, scale, offset));
}

}  // namespace frost
