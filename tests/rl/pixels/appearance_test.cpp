#include "rl/envs/pixels/appearance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/errors.h"
#include "rl/environment_registry.h"
#include "rl/frame_stack.h"
#include "tests/engine/errors.h"
#include "tests/rl/pixels/pixel_pictures.h"

namespace frost {
namespace {

using Colours = Appearance::Colours;

constexpr int kSide = PaintedEnvironment::kSide;

/// Colour of the pixel in one place.
std::vector<int> pixel(const Pixels& pixels, int x, int y) {
  const auto* p = pixels.data() + 3 * (y * kSide + x);
  return {p[0], p[1], p[2]};
}

/// Plain pictures of these grey levels.
std::shared_ptr<const std::vector<RgbImage>> greys(const std::vector<std::uint8_t>& levels,
                                                   int side = kSide) {
  std::vector<RgbImage> pictures;
  for (const std::uint8_t level : levels) {
    pictures.push_back({side, side, Pixels(3 * static_cast<std::size_t>(side * side), level)});
  }
  return std::make_shared<const std::vector<RgbImage>>(std::move(pictures));
}

Appearance coloured(Colours colours, std::uint64_t seed) {
  Appearance appearance;
  appearance.colours = colours;
  appearance.seed = seed;
  return appearance;
}

Appearance moved(int right, int down) {
  Appearance appearance;
  appearance.right = right;
  appearance.down = down;
  return appearance;
}

Appearance before(std::shared_ptr<const std::vector<RgbImage>> backgrounds) {
  Appearance appearance;
  appearance.backgrounds = std::move(backgrounds);
  return appearance;
}

class AppearanceTest : public testing::TestWithParam<std::string> {
 protected:
  /// The picture at the start of an episode.
  Pixels first_picture(std::uint64_t episode, const Appearance& appearance) {
    environment_->set_appearance(appearance);
    environment_->reset(episode);
    return picture_of(*environment_);
  }

  std::unique_ptr<Environment> environment_ = find_environment(GetParam())();
};

TEST_P(AppearanceTest, AShiftChangesThePictureAndNothingElse) {
  for (const Appearance& shift :
       {coloured(Colours::kDrawn, 1), coloured(Colours::kDrawnPerEpisode, 2), moved(3, -2),
        before(greys({90, 120}))}) {
    const std::unique_ptr<Environment> shifted = find_environment(GetParam())();
    shifted->set_appearance(shift);
    RandomStream stream(9, StreamPurpose::kSampling);
    environment_->reset(6);
    shifted->reset(6);
    for (bool done = false; !done;) {
      ASSERT_EQ(environment_->save_state(), shifted->save_state());
      const auto plain = std::get<PictureObservation>(environment_->observe());
      const auto seen = std::get<PictureObservation>(shifted->observe());
      ASSERT_NE(plain.pixels, seen.pixels);
      ASSERT_EQ(plain.values, seen.values);
      const Action action = random_action(environment_->spec().actions, stream);
      const StepResult expected = environment_->step(action), result = shifted->step(action);
      ASSERT_EQ(result.reward, expected.reward);
      ASSERT_EQ(result.ending_code(), expected.ending_code());
      done = expected.done();
    }
  }
}

TEST_P(AppearanceTest, DrawnColoursAreOneSetOrOnePerEpisode) {
  const auto corner = [&](std::uint64_t episode, const Appearance& appearance) {
    return pixel(first_picture(episode, appearance), 82, 82);
  };
  std::set<std::vector<int>> of_seed, of_episodes, of_seeds;
  for (std::uint64_t i = 0; i < 8; ++i) {
    of_seed.insert(corner(i, coloured(Colours::kDrawn, 4)));
    of_episodes.insert(corner(i, coloured(Colours::kDrawnPerEpisode, 4)));
    of_seeds.insert(corner(1, coloured(Colours::kDrawn, i)));
  }
  EXPECT_EQ(of_seed.size(), 1U);
  EXPECT_EQ(of_episodes.size(), 8U);
  EXPECT_EQ(of_seeds.size(), 8U);
}

TEST_P(AppearanceTest, ARecordInMidEpisodeBringsBackThePictureOfItsEpisode) {
  Appearance appearance = coloured(Colours::kDrawnPerEpisode, 4);
  appearance.right = -4;
  environment_->set_appearance(appearance);
  RandomStream stream(9, StreamPurpose::kSampling);
  environment_->reset(6);
  for (int t = 0; t < 5; ++t) {
    environment_->step(random_action(environment_->spec().actions, stream));
  }
  const std::unique_ptr<Environment> restored = find_environment(GetParam())();
  restored->set_appearance(appearance);
  restored->reset(7);
  EXPECT_NE(picture_of(*restored), picture_of(*environment_));
  restored->load_state(environment_->save_state());
  EXPECT_EQ(picture_of(*restored), picture_of(*environment_));
}

TEST_P(AppearanceTest, AnAppearanceMayChangeInMidEpisode) {
  const Pixels shifted = first_picture(3, coloured(Colours::kDrawn, 2));
  const Pixels plain = first_picture(3, {});
  environment_->set_appearance(coloured(Colours::kDrawn, 2));
  EXPECT_EQ(picture_of(*environment_), shifted);
  environment_->set_appearance({});
  EXPECT_EQ(picture_of(*environment_), plain);
}

TEST_P(AppearanceTest, TheCameraMovesWhatIsDrawn) {
  const Pixels plain = first_picture(3, {}), right_down = first_picture(3, moved(5, 2));
  for (int y = 0; y < kSide - 2; ++y) {
    for (int x = 0; x < kSide - 5; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        // Smooth edges may round another way.
        ASSERT_NEAR(pixel(plain, x, y)[c], pixel(right_down, x + 5, y + 2)[c], 1) << x << " " << y;
      }
    }
  }
}

TEST_P(AppearanceTest, EveryEpisodeHasOneOfTheBackgroundsAndTheCameraLeavesItWhereItIs) {
  Appearance appearance = before(greys({10, 250}));
  std::set<int> seen;
  for (std::uint64_t episode = 0; episode < 16; ++episode) {
    const Pixels pixels = first_picture(episode, appearance);
    const Pixels again = first_picture(episode, appearance);
    EXPECT_EQ(pixels, again);
    const auto count = [&](int level) { return std::count(pixels.begin(), pixels.end(), level); };
    seen.insert(count(10) > count(250) ? 10 : 250);
    EXPECT_GT(std::max(count(10), count(250)), 6000);
    EXPECT_LT(std::min(count(10), count(250)), 300);
  }
  EXPECT_EQ(seen, (std::set<int>{10, 250}));
  RgbImage striped{kSide, kSide, Pixels(3 * kSide * kSide, 40)};
  for (std::size_t i = 0; i < 3 * kSide; ++i) striped.pixels[i] = 200;  // the first row
  appearance.backgrounds = std::make_shared<const std::vector<RgbImage>>(1, striped);
  appearance.down = 9;
  EXPECT_EQ(pixel(first_picture(1, appearance), 42, 0), (std::vector<int>{200, 200, 200}));
}

TEST_P(AppearanceTest, ABackgroundOfAnotherSizeIsRefused) {
  EXPECT_EQ(error_of([&] { environment_->set_appearance(before(greys({1}, 80))); }),
            "[appearance] a background of 80x80 pixels; 84x84 are needed");
}

INSTANTIATE_TEST_SUITE_P(All, AppearanceTest, testing::ValuesIn(kPainted),
                         [](const auto& info) { return info.param; });

TEST(Appearances, TheEnvironmentsThatHaveOneSayIt) {
  std::vector<std::string> names;
  for (const std::string& name : environment_names()) {
    const std::unique_ptr<Environment> environment = find_environment(name)();
    if (environment->spec().has_appearance) {
      names.push_back(name);
      environment->set_appearance({});
    } else {
      EXPECT_THROW(environment->set_appearance({}), Error) << name;
    }
  }
  EXPECT_EQ(names, kPainted);
}

TEST(Appearances, OfAStackOfFramesTheNextPicturesChange) {
  FrameStack stack(find_environment("PixelPendulum")(), 2);
  stack.reset(1);
  const Pixels plain = picture_of(stack);
  stack.set_appearance(before(greys({77})));
  EXPECT_EQ(picture_of(stack), plain);
  stack.step({{}, {0.0f}});
  const Pixels both = picture_of(stack);
  ASSERT_EQ(both.size(), plain.size());
  EXPECT_TRUE(std::equal(both.begin(), both.begin() + std::ssize(both) / 2, plain.begin()));
  EXPECT_EQ(both[both.size() / 2], 77);
}

TEST(Appearances, DrawnColoursAreFarFromEachOther) {
  const Palette standard(6);
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Palette drawn = episode_palette(coloured(Colours::kDrawn, seed), standard, 0);
    ASSERT_EQ(drawn.size(), standard.size());
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_GT(std::hypot(drawn[i].red - drawn[j].red, drawn[i].green - drawn[j].green,
                             drawn[i].blue - drawn[j].blue),
                  60)
            << seed;
      }
    }
  }
}

}  // namespace
}  // namespace frost
