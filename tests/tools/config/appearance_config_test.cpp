#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kernels/errors.h"
#include "rl/environment.h"
#include "tests/engine/errors.h"
#include "tests/rl/pixels/pixel_pictures.h"
#include "tests/tools/config_problem.h"
#include "tests/tools/programs_fixture.h"
#include "tools/config/config_text.h"
#include "tools/config/environments.h"
#include "tools/images/image_encoders.h"
#include "tools/images/picture_folder.h"

namespace frost {
namespace {

/// A folder of pictures that is removed in the end.
class PictureFolderTest : public testing::Test {
 protected:
  PictureFolderTest() { fs::create_directories(folder_); }
  ~PictureFolderTest() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  /// A plain picture of this grey.
  static RgbImage plain(int width, int height, std::uint8_t level) {
    return {width, height, Pixels(3 * static_cast<std::size_t>(width * height), level)};
  }

  fs::path folder_ =
      fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(PictureFolderTest, PicturesComeInOrderOfTheirNamesAndOtherFilesAreLeftAlone) {
  write("b.PNG", encode_png(plain(84, 84, 2)));
  write("a.png", encode_png(plain(200, 90, 1)));
  write("notes.txt", "no picture");
  fs::create_directories(folder_ / "inner");
  const std::vector<RgbImage> pictures = load_picture_folder(folder_, 84, 60);
  ASSERT_EQ(pictures.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(pictures[i].width, 84);
    EXPECT_EQ(pictures[i].height, 60);
    EXPECT_EQ(pictures[i].pixels, plain(84, 60, static_cast<std::uint8_t>(i + 1)).pixels);
  }
}

TEST_F(PictureFolderTest, WhatIsTooWideOrTooHighIsCutOnBothSides) {
  RgbImage wide = plain(40, 10, 100), high = plain(10, 40, 100);
  for (int x = 0; x < 40; ++x) {
    const std::uint8_t level = x < 15 || x >= 25 ? 0 : 100;
    for (int y = 0; y < 10; ++y) {
      for (int c = 0; c < 3; ++c) {
        wide.pixels[static_cast<std::size_t>(3 * (40 * y + x) + c)] = level;
        high.pixels[static_cast<std::size_t>(3 * (10 * x + y) + c)] = level;
      }
    }
  }
  write("high.png", encode_png(high));
  write("wide.png", encode_png(wide));
  for (const RgbImage& picture : load_picture_folder(folder_, 10, 10)) {
    EXPECT_EQ(picture.pixels, plain(10, 10, 100).pixels);
  }
}

TEST_F(PictureFolderTest, WhatIsMissingEmptyOrDamagedIsRefusedByName) {
  const auto message = [](const fs::path& folder) {
    return error_of([&] { load_picture_folder(folder, 84, 84); });
  };
  EXPECT_EQ(message(folder_), folder_.string() + " has no PNG or JPEG pictures");
  EXPECT_EQ(message(folder_ / "none"),
            (folder_ / "none").string() +
                " cannot be read as a folder of pictures: No such file or directory");
  write("a.png", "no picture");
  EXPECT_NE(message(folder_).find("a.png"), std::string::npos);
}

/// The picture at the start of an episode of a configuration.
Pixels first_picture(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const auto environment = environment_factory(parse_config(yaml, "x.yaml", overrides))();
  environment->reset(1);
  return picture_of(*environment);
}

const std::string kPendulum = "environment: {name: PixelPendulum}";

TEST_F(PictureFolderTest, EveryKeyOfTheAppearanceReachesThePicture) {
  write("a.png", encode_png(plain(84, 84, 77)));
  const Pixels standard = first_picture(kPendulum);
  const std::string group = "environment.appearance.", drawn = group + "colours=drawn";
  const std::string backgrounds = group + "backgrounds=" + folder_.string();
  for (const std::string& key :
       {drawn, group + "colours=drawn_per_episode", group + "camera_offset=[3, -2]", backgrounds}) {
    EXPECT_NE(first_picture(kPendulum, {key}), standard) << key;
  }
  EXPECT_NE(first_picture(kPendulum, {drawn}), first_picture(kPendulum, {drawn, group + "seed=1"}));
  EXPECT_EQ(first_picture(kPendulum, {backgrounds}).front(), 77);
}

TEST(AppearanceConfig, ARunsOwnConfigurationTakesAnotherAppearance) {
  const std::string own = to_yaml(parse_config(kPendulum, "x.yaml", {}));
  EXPECT_NE(own.find("camera_offset: [0, 0]"), std::string::npos);
  const Config shifted =
      parse_run_config(own, "run", {"environment.appearance.camera_offset=[5, -6]"});
  EXPECT_EQ(shifted.appearance.look.right, 5);
  EXPECT_EQ(shifted.appearance.look.down, -6);
}

TEST(AppearanceConfig, ItsKeysAreRefusedWhereNothingIsDrawn) {
  EXPECT_EQ(problem("environment: {name: CartPole-v1, appearance: {colours: drawn}}"),
            "x.yaml:1: 'environment.appearance.colours' has no effect: it needs an environment "
            "that is drawn, and CartPole-v1 shows a vector and acts by choices: remove it, or set "
            "environment.name to one of docs/pixels.md");
  const std::string far =
      problem("environment: {name: KeyDoor, appearance: {camera_offset: [41, 0]}}");
  EXPECT_NE(far.find("in [-40, 40]"), std::string::npos) << far;
}

TEST(AppearanceConfig, AMissingFolderIsRefusedWhereEnvironmentsAreMade) {
  const Config config = parse_config(kPendulum, "x.yaml",
                                     {"environment.appearance.backgrounds=/nonexistent/pictures"});
  EXPECT_EQ(error_of([&] { environment_factory(config); }),
            "/nonexistent/pictures cannot be read as a folder of pictures: No such file or "
            "directory");
}

TEST_F(ProgramsTest, EvaluateShowsTheSameEpisodesUnderAnotherAppearance) {
  const auto evaluate = [&](const std::string& name, const std::string& colours) {
    return run("evaluate",
               {config_path("configs/pixels/cartpole.yaml"), "--policy", "balance", "--set",
                "environment.max_steps=12", "--episodes", "2", "--csv", name + ".csv", "--render",
                name, "--set", "environment.appearance.colours=" + colours});
  };
  for (const char* colours : {"standard", "drawn"}) {
    const Outcome outcome = evaluate(colours, colours);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("return          12.000"), std::string::npos) << outcome.out;
  }
  EXPECT_EQ(read_text(folder_ / "standard.csv"), read_text(folder_ / "drawn.csv"));
  const auto first = [&](const char* name) {
    return read_text(folder_ / name / "episode000" / "step0000.png");
  };
  EXPECT_GT(first("standard").size(), 500U);
  EXPECT_NE(first("standard"), first("drawn"));
}

TEST_F(ProgramsTest, EvaluateFindsTheGoalOfTheGridByItsShortestPath) {
  const Outcome outcome = run("evaluate", {config_path("configs/pixels/key_door.yaml"), "--policy",
                                           "shortest_path", "--steps", "steps.csv"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("success rate    100.0 %"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("goal reached 50"), std::string::npos) << outcome.out;
  EXPECT_TRUE(read_text(folder_ / "steps.csv")
                  .starts_with("policy,episode,step,row,column,has_key,door_open,reward_total,"));
}

}  // namespace
}  // namespace frost
