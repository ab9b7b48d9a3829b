#pragma once

#include <cstdint>
#include <vector>

namespace frost {

/// An 8-bit image: rows from top to bottom, `width * height` pixels of R, G, B.
struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

}  // namespace frost
