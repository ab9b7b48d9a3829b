#include "rl/envs/gymnasium/picture_reduction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/random.h"

namespace frost {
namespace {

/// The mean of what a pixel covers, from areas of single overlaps.
double mean_of_covered(const std::vector<std::uint8_t>& pixels, PictureSides from, int channels,
                       PictureSides to, int y, int x, int c) {
  const auto overlap = [](int i, double begin, double end) {
    return std::max(0.0, std::min(end, i + 1.0) - std::max(begin, static_cast<double>(i)));
  };
  const double high = 1.0 * from.height / to.height, wide = 1.0 * from.width / to.width;
  double sum = 0;
  for (int i = 0; i < from.height; ++i) {
    for (int j = 0; j < from.width; ++j) {
      const double area =
          overlap(i, y * high, (y + 1) * high) * overlap(j, x * wide, (x + 1) * wide);
      sum += area * pixels[static_cast<std::size_t>((i * from.width + j) * channels + c)];
    }
  }
  return sum / (high * wide);
}

TEST(PictureReduction, APixelIsTheMeanOfWhatItCovers) {
  RandomStream random(3, StreamPurpose::kLayout);
  for (const auto& [from, to, channels] :
       {std::tuple{PictureSides{20, 30}, PictureSides{7, 7}, 3},
        std::tuple{PictureSides{16, 9}, PictureSides{8, 9}, 1},
        std::tuple{PictureSides{5, 11}, PictureSides{5, 4}, 3}}) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(from.height * from.width * channels));
    for (auto& p : pixels) p = static_cast<std::uint8_t>(random.uniform(0, 256));
    const auto reduced = reduce_picture(pixels, from, channels, to);
    ASSERT_EQ(reduced.size(), static_cast<std::size_t>(to.height * to.width * channels));
    std::size_t at = 0;
    for (int y = 0; y < to.height; ++y) {
      for (int x = 0; x < to.width; ++x) {
        for (int c = 0; c < channels; ++c) {
          EXPECT_NEAR(reduced[at++], mean_of_covered(pixels, from, channels, to, y, x, c), 0.5001);
        }
      }
    }
  }
}

TEST(PictureReduction, OfTheSameSidesIsThePicture) {
  const std::vector<std::uint8_t> pixels = {1, 2, 3, 4, 5, 255};
  EXPECT_EQ(reduce_picture(pixels, {2, 3}, 1, {2, 3}), pixels);
}

}  // namespace
}  // namespace frost
