#include "rl/envs/durotaxis/views/picture.h"

#include <gtest/gtest.h>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/baselines.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

namespace frost {
namespace {

TEST(Picture, ShowsTheFieldByColumnAndCellsAsDiscs) {
  const Colony colony = path_colony({{100, 200}, {0.5f, 0.5f}});
  const std::vector<std::uint8_t> p = draw_colony(colony, linear_field(), 40).pixels;
  ASSERT_EQ(p.size(), 1600u);
  const auto at = [&](int row, int column) {
    return p[static_cast<std::size_t>(40 * row + column)];
  };
  // Column 30 is the middle of x = 150..155: I = 8.6 of 10.95.
  EXPECT_EQ(at(5, 30), 75);
  EXPECT_EQ(at(39, 30), 75);
  EXPECT_EQ(at(20, 39), 95);
  for (const auto& [r, c] : {std::pair{20, 20}, {19, 20}, {21, 20}, {20, 19}, {20, 21}}) {
    EXPECT_EQ(at(r, c), 255) << r << " " << c;
  }
  EXPECT_NE(at(19, 19), 255);
  EXPECT_EQ(at(0, 0), 255);
  EXPECT_EQ(at(0, 1), 255);
  EXPECT_EQ(at(1, 0), 255);
  EXPECT_EQ(at(0, 39), 95) << "a disc at the edge does not wrap round";
}

DurotaxisConfig picture_config(int stage) {
  DurotaxisConfig config = steep_config();
  config.spawn.stage = stage;
  return config;
}

TEST(PictureDurotaxis, ARatioOfOneHalfIsTheHalfDeleteRule) {
  PictureDurotaxis pictured(picture_config(1));
  Durotaxis cells(picture_config(1));
  pictured.reset(3);
  cells.reset(3);
  for (int t = 0; t < 20; ++t) {
    const StepResult a = pictured.step({{}, {0.5f}});
    const StepResult b = cells.step(half_delete_policy(cells.colony()));
    ASSERT_EQ(a.reward, b.reward) << t;
    ASSERT_EQ(a.size, b.size) << t;
  }
}

TEST(PictureDurotaxis, TheActionIsARatioAndInStage2TheSpawnParametersOfAll) {
  const ActionSpace first = PictureDurotaxis(picture_config(1)).spec().actions;
  EXPECT_EQ(first.choices, 0);
  ASSERT_EQ(first.dims(), 1);
  EXPECT_EQ(first.continuous[0].high, 0.7);
  PictureDurotaxis second(picture_config(2));
  ASSERT_EQ(second.spec().actions.dims(), 5);
  second.reset(1);
  const int before = second.durotaxis().colony().size();
  second.step({{}, {0.0f, 3.0f, 1.0f, 0.2f, 0.1f}});
  EXPECT_EQ(second.durotaxis().colony().size(), 2 * before);
  EXPECT_EQ(second.durotaxis().colony().cell(before).born_with.gamma, 3.0f);
}

TEST(PictureDurotaxis, AnActionThatDoesNotFitIsRefused) {
  PictureDurotaxis environment(picture_config(1));
  environment.reset(1);
  EXPECT_THROW(environment.step({{}, {}}), Error);
  EXPECT_THROW(environment.step({{}, {0.5f, 1.0f, 1.0f, 0.1f, 0.0f}}), Error);
  EXPECT_THROW(environment.step({{}, {-0.1f}}), Error);
}

}  // namespace
}  // namespace frost
