#include "rl/envs/pixels/key_door.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "kernels/errors.h"
#include "tests/rl/pixels/pixel_pictures.h"

namespace frost {
namespace {

constexpr int kCells = KeyDoorLayout::kCells;

bool carries(const KeyDoor& grid) {
  return std::get<PictureObservation>(grid.observe()).values.at(0) == 1.0f;
}

KeyDoorLayout layout_of(std::uint64_t seed) {
  RandomStream stream(seed, StreamPurpose::kLayout);
  return KeyDoorLayout::draw(stream);
}

/// The fewest steps to the goal, by stepping through all states that can be reached.
int fewest_steps(KeyDoor& grid) {
  std::deque<std::pair<std::vector<std::uint8_t>, int>> open = {{grid.save_state(), 0}};
  std::set<std::vector<std::string>> known = {grid.state_row()};
  while (!open.empty()) {
    const auto [from, steps] = open.front();
    open.pop_front();
    for (int move = 0; move < KeyDoorLayout::kMoves; ++move) {
      grid.load_state(from);
      if (grid.step({{move}, {}}).success) return steps + 1;
      if (known.insert(grid.state_row()).second) open.emplace_back(grid.save_state(), steps + 1);
    }
  }
  return -1;
}

TEST(KeyDoorLayout, TheGoalIsBehindTheDoorAndTheKeyBeforeIt) {
  std::set<int> doors, wall_counts, starts;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const KeyDoorLayout layout = layout_of(seed);
    EXPECT_EQ(layout.walls.count(), 6U);
    const std::vector<int> shut = layout.steps_to(layout.agent, false);
    const auto way = [&](int cell) { return shut[static_cast<std::size_t>(cell)]; };
    EXPECT_LT(way(layout.key), kCells);
    EXPECT_EQ(way(layout.goal), kCells);
    EXPECT_NE(layout.agent, layout.key);
    EXPECT_LT(layout.shortest_way(layout.agent, false, layout.goal), kCells);
    doors.insert(layout.door);
    starts.insert(layout.agent);
  }
  EXPECT_EQ(doors.size(), 33U);  // 3 columns and 3 rows, which cross in 9 cells
  EXPECT_EQ(starts.size(), static_cast<std::size_t>(kCells));
}

TEST(KeyDoor, TheShortestPathIsTheShortest) {
  KeyDoor grid;
  RandomStream stream(1, StreamPurpose::kSampling);
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    grid.reset(seed);
    const int fewest = fewest_steps(grid);
    grid.reset(seed);
    EXPECT_EQ(grid.steps_left(), fewest);
    StepResult result;
    for (int left = fewest; left > 0; --left) {
      ASSERT_EQ(grid.steps_left(), left);
      ASSERT_FALSE(result.done());
      result = grid.step(grid.scripted_action("shortest_path", stream));
    }
    EXPECT_TRUE(result.success);
    EXPECT_TRUE(result.terminated);
    EXPECT_EQ(result.ending_code(), EnvironmentSpec::kTerminated);
    EXPECT_DOUBLE_EQ(result.reward[kTotal], 1 - 0.9 * fewest / 490.0);
    EXPECT_EQ(grid.progress(), 1);
  }
}

TEST(KeyDoor, UnderRandomPlayTheRulesHold) {
  KeyDoor grid;
  RandomStream stream(2, StreamPurpose::kSampling);
  int reached = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    grid.reset(seed);
    EXPECT_EQ(grid.progress(), 0);
    bool had_key = false;
    for (StepResult result; !result.done();) {
      const int before = grid.agent();
      result = grid.step(random_action(grid.spec().actions, stream));
      const int cell = grid.agent(), apart = std::abs(cell - before);
      ASSERT_TRUE(apart == 0 || apart == 1 || apart == KeyDoorLayout::kSide);
      ASSERT_FALSE(grid.layout().walls[static_cast<std::size_t>(cell)]);
      if (cell == grid.layout().key) had_key = true;
      if (cell == grid.layout().door || result.success) {
        ASSERT_TRUE(had_key);
      }
      ASSERT_EQ(carries(grid), had_key);
      ASSERT_EQ(result.success, cell == grid.layout().goal);
      ASSERT_EQ(result.reward[kTotal] > 0, result.success);
      ASSERT_GE(grid.progress(), 0);
      ASSERT_LE(grid.progress(), 1);
      ASSERT_EQ(grid.progress() == 1, result.success);
      reached += result.success;
    }
  }
  EXPECT_GT(reached, 5);
}

TEST(KeyDoor, TheTimeLimitTruncates) {
  KeyDoor grid;
  grid.limit_time(3);
  grid.reset(1);
  const auto stay = [&] { return grid.step({{0}, {}}); };
  EXPECT_FALSE(stay().done());
  EXPECT_FALSE(stay().done());
  const StepResult last = stay();
  EXPECT_TRUE(last.truncated);
  EXPECT_EQ(last.reward[kTotal], 0);
  EXPECT_THROW(stay(), Error);
}

TEST(KeyDoor, ThePictureShowsAgentKeyDoorAndGoal) {
  constexpr Colour kAgent{200, 50, 50}, kKey{230, 180, 0}, kDoor{130, 80, 30}, kGoal{60, 170, 80};
  KeyDoor grid;
  RandomStream stream(1, StreamPurpose::kSampling);
  grid.reset(3);
  const auto seen = [&](Colour colour) { return blob_of(picture_of(grid), colour); };
  const auto x = [](int cell) { return 3 + 11 * (cell % 7) + 5.5; };
  const auto y = [](int cell) { return 3 + 11 * (cell / 7) + 5.5; };
  EXPECT_NEAR(seen(kGoal).x, x(grid.layout().goal), 0.1);
  EXPECT_NEAR(seen(kGoal).y, y(grid.layout().goal), 0.1);
  EXPECT_EQ(seen(kGoal).count, 121);
  EXPECT_EQ(seen(kDoor).count, 121);
  EXPECT_GT(seen(kKey).count, 15);
  for (StepResult result; !result.done();) {
    EXPECT_NEAR(seen(kAgent).x, x(grid.agent()), 0.3);
    EXPECT_NEAR(seen(kAgent).y, y(grid.agent()), 0.3);
    const bool had_key = carries(grid);
    result = grid.step(grid.scripted_action("shortest_path", stream));
    if (carries(grid)) {
      EXPECT_EQ(seen(kKey).count, 0);
    }
    if (had_key && grid.agent() == grid.layout().door) {
      EXPECT_LT(seen(kDoor).count, 30);
    }
  }
  EXPECT_LT(seen(kDoor).count, 30);
}

}  // namespace
}  // namespace frost
