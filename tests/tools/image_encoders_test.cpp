#include "tools/images/image_encoders.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "kernels/errors.h"
#include "tests/tools/gif_file.h"
#include "tests/weights/weight_file_helpers.h"

namespace frost {
namespace {

using test::refuses;

/// `shades` different colours in each channel.
RgbImage pattern(int width, int height, int shades, int shift = 0) {
  RgbImage image{width, height, {}};
  for (int i = 0; i < width * height; ++i) {
    const int k = (i * 7 + shift) % shades;
    for (const int factor : {1, 3, 5}) {
      image.pixels.push_back(static_cast<std::uint8_t>(factor * k));
    }
  }
  return image;
}

class ImageEncoders : public testing::Test {
 protected:
  std::filesystem::path written(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  test::TemporaryFolder folder_;
};

TEST_F(ImageEncoders, APngReadsBackAsItWas) {
  const RgbImage image = pattern(37, 23, 251);
  const RgbImage back = load_image(written("a.png", encode_png(image)));
  EXPECT_EQ(back.width, 37);
  EXPECT_EQ(back.height, 23);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST_F(ImageEncoders, FramesOfUpTo255ColoursReadBackAsTheyWere) {
  GifAnimation animation(33, 17);
  for (int k = 0; k < 3; ++k) animation.add(pattern(33, 17, 50 + 100 * k, k), 10 + k);
  const test::GifFile file = test::read_gif(written("a.gif", animation.finish()));
  ASSERT_EQ(file.frames.size(), 3u);
  for (int k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    EXPECT_EQ(file.frames[i].pixels, pattern(33, 17, 50 + 100 * k, k).pixels) << k;
    EXPECT_EQ(file.centiseconds[i], 10 + k);
  }
  EXPECT_TRUE(file.repeats);
}

TEST_F(ImageEncoders, BeyondThemTheNearestOfTheCommonestColoursStandsIn) {
  RgbImage image{64, 64, {}};
  for (int i = 0; i < 64 * 64; ++i) {  // one colour for half of it, 1024 rare ones
    const bool rare = i % 2 == 1;
    for (const int v : {rare ? i / 64 * 4 : 200, rare ? i % 32 * 8 : 30, 90}) {
      image.pixels.push_back(static_cast<std::uint8_t>(v));
    }
  }
  GifAnimation animation(64, 64);
  animation.add(image, 5);
  const test::GifFile file = test::read_gif(written("a.gif", animation.finish()));
  ASSERT_EQ(file.frames.size(), 1u);
  for (std::size_t i = 0; i < image.pixels.size(); i += 6) {
    EXPECT_EQ(file.frames[0].pixels[i], 200);
    EXPECT_EQ(file.frames[0].pixels[i + 1], 30);
    EXPECT_EQ(file.frames[0].pixels[i + 2], 90);
  }
}

TEST_F(ImageEncoders, AFrameLikeTheOneBeforeTakesNoRoom) {
  const auto size = [](int frames) {
    GifAnimation animation(200, 100);
    for (int k = 0; k < frames; ++k) animation.add(pattern(200, 100, 251), 5);
    return animation.finish().size();
  };
  EXPECT_LT(size(3) - size(2), 1200u) << "most of it the palette";
  EXPECT_GT(size(1), 4000u);
}

TEST_F(ImageEncoders, FramesThatDoNotFitAreRefused) {
  GifAnimation animation(8, 8);
  EXPECT_TRUE(refuses([&] { animation.add(pattern(8, 9, 5), 5); }, "a frame of 8 x 9"));
  animation.add(pattern(8, 8, 5), 5);
  EXPECT_FALSE(animation.finish().empty());
  EXPECT_TRUE(refuses([&] { animation.add(pattern(8, 8, 5), 5); }, "which is finished"));
  EXPECT_TRUE(refuses([&] { animation.finish(); }, "once"));
  EXPECT_TRUE(refuses([] { GifAnimation(70000, 8); }, "70000 x 8"));
  EXPECT_TRUE(refuses([] { GifAnimation(8, 0); }, "8 x 0"));
}

TEST_F(ImageEncoders, AnAnimationMayBeGivenUp) {
  GifAnimation animation(8, 8);
  animation.add(pattern(8, 8, 5), 5);
}

}  // namespace
}  // namespace frost
