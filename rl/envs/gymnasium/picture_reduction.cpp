#include "rl/envs/gymnasium/picture_reduction.h"

#include <algorithm>

namespace frost {
namespace {

/// Calls fn(i, weight) for the pixels of a side of `from` that pixel `at` of `to` covers. In units
/// of 1 / to of a pixel, weights are whole numbers and their sum is `from`.
template <typename Fn>
void for_covered(std::int64_t at, std::int64_t from, std::int64_t to, const Fn& fn) {
  const std::int64_t begin = at * from, end = begin + from;
  for (std::int64_t i = begin / to; i * to < end; ++i) {
    fn(i, std::min(end, (i + 1) * to) - std::max(begin, i * to));
  }
}

}  // namespace

std::vector<std::uint8_t> reduce_picture(std::span<const std::uint8_t> pixels, PictureSides from,
                                         int channels, PictureSides to) {
  if (from.height == to.height && from.width == to.width) return {pixels.begin(), pixels.end()};
  const std::int64_t area = std::int64_t{from.height} * from.width;
  const auto row = static_cast<std::size_t>(from.width) * static_cast<std::size_t>(channels);
  std::vector<std::uint32_t> sums(row);
  std::vector<std::uint8_t> reduced;
  reduced.reserve(static_cast<std::size_t>(to.height) * static_cast<std::size_t>(to.width) *
                  static_cast<std::size_t>(channels));
  for (int y = 0; y < to.height; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    for_covered(y, from.height, to.height, [&](std::int64_t i, std::int64_t weight) {
      const auto line = pixels.subspan(static_cast<std::size_t>(i) * row, row);
      const auto factor = static_cast<std::uint32_t>(weight);
      for (std::size_t k = 0; k < row; ++k) sums[k] += factor * line[k];
    });
    for (int x = 0; x < to.width; ++x) {
      for (int c = 0; c < channels; ++c) {
        std::int64_t sum = area / 2;
        for_covered(x, from.width, to.width, [&](std::int64_t i, std::int64_t weight) {
          sum += weight * sums[static_cast<std::size_t>(i * channels + c)];
        });
        reduced.push_back(static_cast<std::uint8_t>(sum / area));
      }
    }
  }
  return reduced;
}

}  // namespace frost
