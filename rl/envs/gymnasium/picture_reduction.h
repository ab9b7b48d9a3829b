#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace frost {

struct PictureSides {
  int height, width;
};

/// A picture [height, width, channels] with the sides `to`, none longer than before: each pixel is
/// the mean of the area it covers, rounded to the nearest.
std::vector<std::uint8_t> reduce_picture(std::span<const std::uint8_t> pixels, PictureSides from,
                                         int channels, PictureSides to);

}  // namespace frost
