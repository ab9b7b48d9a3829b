#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost::cuda {

/// Bytes of device memory that a piece of work reads and writes: each once, however often it comes
/// back to them, and those it may skip depending on the data counted in.
struct Traffic {
  std::int64_t read = 0, written = 0;

  Traffic operator+(Traffic other) const { return {read + other.read, written + other.written}; }
};

/// `n` elements that are read.
template <class T = float>
constexpr Traffic reads(std::int64_t n) {
  return {n * static_cast<std::int64_t>(sizeof(T)), 0};
}

/// `n` elements that are written.
template <class T = float>
constexpr Traffic writes(std::int64_t n) {
  return {0, n * static_cast<std::int64_t>(sizeof(T))};
}

/// `n` elements of a gradient, stored under its mode.
inline Traffic stores(std::int64_t n, GradOut gradient) {
  if (!gradient) return {};
  return gradient.mode == GradMode::kAccumulate ? reads(n) + writes(n) : writes(n);
}

}  // namespace frost::cuda
