#include "rl/envs/durotaxis/colony.h"

#include <gtest/gtest.h>

#include <limits>
#include <numbers>

#include "kernels/errors.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

namespace frost {
namespace {

using Edges = std::vector<std::pair<int, int>>;
using Ids = std::vector<int>;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kPi = std::numbers::pi_v<float>;
const SpawnParameters kStage1{5.0f, 2.0f, 0.1f, 0.0f};

TEST(Spawn, HillLengthHasTheDocumentedValues) {
  EXPECT_NEAR(hill_length(1, 5, 2, .1), 1.1, 1e-12);
  EXPECT_NEAR(hill_length(2, 5, 2, .1), 2.6, 1e-12);
  EXPECT_NEAR(hill_length(10.95, 5, 2, .1), 4.9385827566, 1e-10);
  EXPECT_NEAR(hill_length(1.5, 5, 2, .5), 2.3, 1e-12);
  EXPECT_NEAR(hill_length(1, 15, .5, .05), 12.05, 1e-12);
  EXPECT_NEAR(hill_length(4, 15, 4, .5), 8.0, 1e-12);
}

TEST(Spawn, UnusableIntensityCountsAsOne) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const double intensity : {0.0, -3.0, 1e-6, inf, static_cast<double>(kNaN)})
    EXPECT_NEAR(hill_length(intensity, 5, 2, .1), 1.1, 1e-12) << intensity;
}

struct Placement {
  std::array<float, 2> parent;
  SpawnParameters parameters;
  double x, y;
};

TEST(Spawn, ChildLandsWhereDocumented) {
  const std::vector<Placement> cases{
      {{10, 200}, kStage1, 11.9, 200},
      {{10, 200}, {5, 2, .1f, kPi / 4}, 11.343503, 201.343506},
      {{0.3f, 200}, kStage1, 2, 200},
      {{196.5f, 200}, kStage1, 198, 200},
      {{10, 397}, {15, .5f, .5f, kPi / 2}, 10, 396},
      {{1, 200}, {5, 2, .1f, kPi}, 2, 200},
  };
  for (const Placement& c : cases) {
    Colony colony = path_colony({c.parent});
    const int child = colony.spawn(0, c.parameters, linear_field());
    EXPECT_NEAR(colony.cell(child).x, c.x, 2e-6);
    EXPECT_NEAR(colony.cell(child).y, c.y, 2e-5);
  }
}

TEST(Spawn, LengthsOfTheDocumentedPlacements) {
  const Substrate field = linear_field();
  EXPECT_NEAR(hill_length(field.intensity(10), 5, 2, .1), 1.9, 1e-12);
  EXPECT_NEAR(hill_length(field.intensity(196.5), 5, 2, .1), 4.9342175066, 1e-10);
  EXPECT_NEAR(hill_length(field.intensity(10), 15, .5, .5), 14.0, 1e-12);
  EXPECT_NEAR(hill_length(field.intensity(1), 5, 2, .1), 1.1803527683, 1e-10);
}

TEST(Spawn, ChildKnowsItsOrigin) {
  Colony colony = path_colony({{10, 200}});
  const SpawnParameters parameters{7, 1, .2f, .5f};
  const Cell child = colony.cell(colony.spawn(0, parameters, linear_field()));
  EXPECT_EQ(child.id, 1);
  EXPECT_EQ(child.parent, 0);
  EXPECT_TRUE(child.fresh);
  EXPECT_FALSE(child.marked);
  EXPECT_EQ(child.age, 0);
  EXPECT_EQ(child.born_with.gamma, 7.0f);
  EXPECT_EQ(child.born_with.theta, 0.5f);
  EXPECT_EQ(colony.cell(0).born_with.gamma, 0.0f);
}

TEST(Spawn, FailureLeavesTheColonyUntouched) {
  Colony colony = path_colony({{10, 200}});
  EXPECT_THROW(colony.spawn(1, kStage1, linear_field()), Error);
  EXPECT_THROW(colony.spawn(-1, kStage1, linear_field()), Error);
  EXPECT_THROW(colony.spawn(0, {5, 2, .1f, kNaN}, linear_field()), Error);
  EXPECT_EQ(colony.size(), 1);
  EXPECT_EQ(colony.next_id(), 1);
}

TEST(Delete, ChildrenJoinTheParentOfTheDeletedCell) {
  Colony colony = path_colony({{2, 200}, {6, 200}, {10, 200}, {14, 200}});
  colony.remove(1);
  EXPECT_EQ(edge_ids(colony), (Edges{{0, 2}, {2, 3}}));
  EXPECT_EQ(colony.num_roots(), 1);
}

TEST(Delete, ChildOfADeletedRootBecomesRoot) {
  Colony colony = path_colony({{2, 200}, {6, 200}, {10, 200}, {14, 200}});
  colony.remove(0);
  EXPECT_EQ(edge_ids(colony), (Edges{{1, 2}, {2, 3}}));
}

TEST(Delete, ColonySplitsWhenARootWithTwoChildrenGoes) {
  Colony colony;
  colony.add(10, 200);
  colony.add(11, 200, 0);
  colony.add(12, 200, 0);
  colony.add(13, 200, 1);
  colony.remove(0);
  EXPECT_EQ(colony.size(), 3);
  EXPECT_EQ(colony.num_roots(), 2);
  EXPECT_EQ(colony.num_edges(), 1);
  EXPECT_EQ(edge_ids(colony), (Edges{{1, 3}}));
}

TEST(Delete, ChildlessRootDisappearsAlone) {
  Colony colony = path_colony({{2, 200}});
  colony.remove(0);
  EXPECT_EQ(colony.size(), 0);
  EXPECT_EQ(colony.num_roots(), 0);
}

TEST(Delete, OnePassEqualsDeletingOneByOneFromTheRight) {
  RandomStream stream(3, StreamPurpose::kSampling);
  for (int trial = 0; trial < 200; ++trial) {
    Colony together = random_colony(linear_field(), stream);
    Colony one_by_one = together;
    Action action;
    for (int i = 0; i < together.size(); ++i)
      action.decisions.push_back(stream.uniform() < 0.5f ? kSpawnCell : kDeleteCell);
    together.apply(action, kStage1, linear_field());

    for (std::size_t i = 0; i < action.decisions.size(); ++i)
      if (action.decisions[i] == kSpawnCell)
        one_by_one.spawn(static_cast<int>(i), kStage1, linear_field());
    for (std::size_t i = action.decisions.size(); i-- > 0;)
      if (action.decisions[i] == kDeleteCell) one_by_one.remove(static_cast<int>(i));

    ASSERT_EQ(ids(together), ids(one_by_one));
    ASSERT_EQ(edge_ids(together), edge_ids(one_by_one));
    together.check_invariants(linear_field());
  }
}

TEST(JointActions, DecisionsStayWithTheCellsTheyWereMadeFor) {
  Colony colony = path_colony({{10, 200}, {20, 200}, {30, 200}});
  colony.apply({{kDeleteCell, kSpawnCell, kDeleteCell}, {}}, kStage1, linear_field());
  EXPECT_EQ(ids(colony), (Ids{1, 3}));
  EXPECT_EQ(edge_ids(colony), (Edges{{1, 3}}));
}

TEST(JointActions, EachCellExecutesItsOwnParameters) {
  Colony colony = path_colony({{10, 200}, {20, 200}});
  const Action action{{kSpawnCell, kSpawnCell}, {15, .5f, .5f, 0, 5, 2, .1f, kPi / 2}};
  colony.apply(action, kStage1, linear_field());
  EXPECT_NEAR(colony.cell(2).x, 24.0, 1e-5);
  EXPECT_NEAR(colony.cell(3).x, 20.0, 1e-5);
  EXPECT_NEAR(colony.cell(3).y, 202.6, 1e-4);
}

TEST(JointActions, OnlyTheNewbornAreFresh) {
  Colony colony = path_colony({{10, 200}});
  colony.apply({{kSpawnCell}, {}}, kStage1, linear_field());
  EXPECT_TRUE(colony.cell(1).fresh);
  colony.apply({{kSpawnCell, kDeleteCell}, {}}, kStage1, linear_field());
  EXPECT_EQ(ids(colony), (Ids{0, 2}));
  EXPECT_FALSE(colony.cell(0).fresh);
  EXPECT_TRUE(colony.cell(1).fresh);
}

TEST(JointActions, SurvivorRuleKeepsTheRightmostCells) {
  const Action all_delete{{kDeleteCell, kDeleteCell, kDeleteCell, kDeleteCell}, {}};
  Colony colony = path_colony({{30, 200}, {10, 200}, {30, 210}, {20, 200}});
  colony.apply(all_delete, kStage1, linear_field(), {.min_survivors = 2});
  EXPECT_EQ(ids(colony), (Ids{0, 2}));

  colony = path_colony({{30, 200}, {10, 200}, {30, 210}, {20, 200}});
  colony.apply(all_delete, kStage1, linear_field(), {.min_survivors = 1});
  EXPECT_EQ(ids(colony), (Ids{0}));  // the first of two equally far to the right

  colony = path_colony({{30, 200}, {10, 200}, {30, 210}, {20, 200}});
  colony.apply(all_delete, kStage1, linear_field(), {.min_survivors = 9});
  EXPECT_EQ(colony.size(), 4);

  colony = path_colony({{30, 200}, {10, 200}, {30, 210}, {20, 200}});
  colony.apply(all_delete, kStage1, linear_field());
  EXPECT_EQ(colony.size(), 0);
}

TEST(JointActions, MalformedActionChangesNothing) {
  const Colony start = path_colony({{10, 200}, {20, 200}});
  const std::vector<Action> malformed{
      {{kSpawnCell}, {}},
      {{kSpawnCell, kSpawnCell, kSpawnCell}, {}},
      {{kSpawnCell, 2}, {}},
      {{kSpawnCell, kSpawnCell}, {5, 2, .1f, 0}},
      {{kSpawnCell, kSpawnCell}, {5, 2, .1f, 0, 5, 2, kNaN, 0}},
  };
  for (const Action& action : malformed) {
    Colony colony = start;
    EXPECT_THROW(colony.apply(action, kStage1, linear_field()), Error);
    EXPECT_EQ(ids(colony), ids(start));
  }
  Colony colony = start;
  EXPECT_THROW(colony.apply({{0, 0}, {}}, {kNaN, 2, .1f, 0}, linear_field()), Error);
  EXPECT_EQ(ids(colony), ids(start));
}

TEST(Invariants, EveryKindOfDamageIsFound) {
  const std::vector<Cell> sound = path_colony({{10, 200}, {20, 200}, {30, 200}}).cells();
  EXPECT_NO_THROW(Colony::restore(sound, 3));
  EXPECT_THROW(Colony::restore(sound, 2), Error);  // an id that was never given out

  auto cells = sound;
  cells[1].id = 0;
  EXPECT_THROW(Colony::restore(cells, 3), Error);
  cells = sound;
  cells[0].parent = 3;
  EXPECT_THROW(Colony::restore(cells, 3), Error);
  cells = sound;
  cells[0].parent = 2;
  EXPECT_THROW(Colony::restore(cells, 3), Error);  // a cycle
  cells = sound;
  cells[1].parent = 1;
  EXPECT_THROW(Colony::restore(cells, 3), Error);
  for (const float x : {-1.0f, 200.0f, kNaN}) {
    cells = sound;
    cells[2].x = x;
    EXPECT_THROW(Colony::restore(cells, 3).check_invariants(linear_field()), Error);
  }
}

TEST(InitialColony, IsAPathFromLeftToRightInItsStrip) {
  RandomStream stream(11, StreamPurpose::kLayout);
  const Colony colony = initial_colony(50, linear_field(), stream);
  EXPECT_EQ(colony.size(), 50);
  EXPECT_EQ(colony.num_edges(), 49);
  colony.check_invariants(linear_field());
  std::vector<int> children(50, 0);
  for (const Cell& cell : colony.cells()) {
    EXPECT_LE(cell.x, 20.0f);
    EXPECT_GE(cell.y, 160.0f);
    EXPECT_LE(cell.y, 240.0f);
    if (cell.parent == Cell::kNoParent) continue;
    EXPECT_LE(colony.cell(cell.parent).x, cell.x);
    EXPECT_EQ(++children[static_cast<std::size_t>(cell.parent)], 1);
  }
  RandomStream none(11, StreamPurpose::kLayout);
  EXPECT_EQ(initial_colony(0, linear_field(), none).size(), 0);
}

}  // namespace
}  // namespace frost
