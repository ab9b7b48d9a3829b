#include <gtest/gtest.h>

#include <cmath>

#include "tests/rl/durotaxis/durotaxis_scene.h"

// Every row of the tables of normal mode, on states made by hand.
namespace frost {
namespace {

TEST(BaseReward, DependsOnTheNumberOfCells) {
  Scene scene;
  const auto at = [&](int nodes) {
    scene.after = cells_at(std::vector<float>(static_cast<std::size_t>(nodes), 10.0f));
    return base_reward(scene.step());
  };
  EXPECT_DOUBLE_EQ(at(0), -5.0);
  EXPECT_DOUBLE_EQ(at(1), -5.0);
  EXPECT_DOUBLE_EQ(at(2), 0.1);
  EXPECT_DOUBLE_EQ(at(75), 0.1);
  EXPECT_DOUBLE_EQ(at(80), -3.2);
  EXPECT_DOUBLE_EQ(at(150), -6.0);
}

TEST(ActionReward, PaysPerDecision) {
  Scene scene;
  scene.before = cells_at({1, 2, 3, 4, 5, 6, 7});
  scene.after = cells_at({1});
  EXPECT_DOUBLE_EQ(action_reward(scene.step()), 0.07);
}

TEST(CentroidReward, PaysTheMoveOfTheCentroid) {
  Scene scene;
  scene.before = cells_at({10, 12});
  scene.after = cells_at({12, 14, 16});
  EXPECT_DOUBLE_EQ(centroid_reward(scene.step()), 15.0);
  scene.after = cells_at({10});
  EXPECT_DOUBLE_EQ(centroid_reward(scene.step()), -5.0);
  scene.after.clear();
  EXPECT_EQ(centroid_reward(scene.step()), 0.0);
}

TEST(SpawnReward, NewbornAreJudgedByTheGainOverTheirTrueParent) {
  Scene scene;
  // Cell 0 is nearer to the newborn than its parent, cell 1; only the parent counts.
  scene.after = {cell_at(0, 50), cell_at(1, 47, 200, 0), newborn_at(2, 50, 201, 1)};
  EXPECT_DOUBLE_EQ(spawn_reward(scene.step()), 2.5);  // three columns
  scene.after[2].x = 49;
  EXPECT_DOUBLE_EQ(spawn_reward(scene.step()), -1.0);  // two
  scene.after[2].fresh = false;
  EXPECT_EQ(spawn_reward(scene.step()), 0.0);
  scene.config.reward.delta_intensity = 2.0;
  scene.after[2].fresh = true;
  EXPECT_DOUBLE_EQ(spawn_reward(scene.step()), 2.5);
}

TEST(SpawnReward, ThresholdIsInSlopesOfAnyField) {
  Scene scene;
  scene.field = linear_field(0.01);
  scene.after = {cell_at(0, 47), newborn_at(1, 50, 200, 0)};
  EXPECT_DOUBLE_EQ(spawn_reward(scene.step()), 2.5);
  scene.field = Substrate(field_config(0.05, SubstrateConfig::Kind::kExponential));
  EXPECT_DOUBLE_EQ(spawn_reward(scene.step()), 2.5);
  EXPECT_NEAR(scene.field.gain(47, 50), (std::exp(.15) - 1) / (std::exp(.05) - 1), 1e-9);
  scene.field = linear_field(0.0);  // nothing to gain
  EXPECT_DOUBLE_EQ(spawn_reward(scene.step()), -1.0);
}

TEST(SpawnReward, ZonesNearTheEdgesCost) {
  Scene scene;
  const auto at = [&](float y) {
    scene.after = {cell_at(0, 47), newborn_at(1, 50, y, 0)};
    return spawn_reward(scene.step());
  };
  EXPECT_DOUBLE_EQ(at(31), 2.5 - 8.0);  // 31/400 < 0.08
  EXPECT_DOUBLE_EQ(at(369), 2.5 - 8.0);
  EXPECT_DOUBLE_EQ(at(33), 2.5 - 3.0);  // < 0.15
  EXPECT_DOUBLE_EQ(at(61), 2.5);
  scene.config.reward.spawn.boundary_check = false;
  EXPECT_DOUBLE_EQ(at(31), 2.5);
}

TEST(DeleteReward, PaysByMarkAndFate) {
  Scene scene;
  const auto reward = [&](bool mark, bool gone) {
    scene.before = {cell_at(0, 10), mark ? marked(cell_at(1, 12)) : cell_at(1, 12), cell_at(2, 14)};
    scene.after = scene.before;
    if (gone) scene.after.erase(scene.after.begin() + 1);
    return delete_reward(scene.step());
  };
  EXPECT_DOUBLE_EQ(reward(true, true), 2.0);
  EXPECT_DOUBLE_EQ(reward(true, false), -2.0);
  EXPECT_DOUBLE_EQ(reward(false, true), -2.0);
  EXPECT_EQ(reward(false, false), 0.0);
}

TEST(DeleteReward, MarksOfThisStepDoNotCountYet) {
  Scene scene;
  scene.before = {cell_at(0, 10)};
  scene.after = {marked(cell_at(0, 10))};
  EXPECT_EQ(delete_reward(scene.step()), 0.0);
}

TEST(EfficiencyReward, PaysForOldAndStagnantCellsThatWereDeleted) {
  Scene scene;
  const auto reward = [&](int age, bool gone) {
    scene.before = {aged(cell_at(0, 10), age), cell_at(1, 12)};
    scene.after = scene.before;
    if (gone) scene.after.erase(scene.after.begin());
    return efficiency_reward(scene.step());
  };
  EXPECT_EQ(reward(20, true), 0.0);
  EXPECT_NEAR(reward(31, true), 0.1 * 10, 1e-12);
  EXPECT_NEAR(reward(60, true), 0.05 * 10 + 0.1 * 39, 1e-12);
  EXPECT_EQ(reward(60, false), 0.0);
}

TEST(EdgeReward, PaysByDirection) {
  Scene scene;
  scene.after = {cell_at(0, 10), cell_at(1, 12, 200, 0), cell_at(2, 9, 200, 1),
                 cell_at(3, 10.005f, 200, 0)};
  EXPECT_DOUBLE_EQ(edge_reward(scene.step()), 0.5 - 0.05);
}

TEST(SurvivalReward, GrowsOverTheEpisode) {
  Scene scene;
  const auto at = [&](int t) {
    StepContext step = scene.step();
    step.step = t;
    return survival_reward(step);
  };
  const std::vector<std::pair<int, double>> want{{1, .0100125}, {50, .010625}, {99, .0112375},
                                                 {100, .03375}, {400, .045},   {800, .06},
                                                 {1000, .06}};
  for (const auto& [t, reward] : want) EXPECT_NEAR(at(t), reward, 1e-15) << t;
  scene.config.reward.survival.enabled = false;
  EXPECT_EQ(at(100), 0.0);
}

TEST(MilestoneReward, PaysEachOnceWhenTheRightmostCellPasses) {
  Scene scene;
  const auto at = [&](float x, int passed) {
    scene.after = cells_at({5, x});
    StepContext step = scene.step();
    step.milestones = passed;
    return milestone_reward(step);
  };
  EXPECT_EQ(at(49.9f, 0), 0.0);
  EXPECT_DOUBLE_EQ(at(50, 0), 50.0);
  EXPECT_EQ(at(60, 1), 0.0);
  EXPECT_DOUBLE_EQ(at(180, 1), 150.0 + 300.0 + 500.0);
  EXPECT_EQ(at(60, 2), 0.0);  // the cell that had passed the second is gone
  scene.config.reward.milestone.enabled = false;
  EXPECT_EQ(at(180, 0), 0.0);
}

TEST(NodeReward, MovementIsMatchedById) {
  Scene scene;
  scene.before = {cell_at(0, 5), cell_at(1, 10), cell_at(2, 20)};
  scene.after = {cell_at(1, 10), cell_at(2, 20)};  // indices shift, no cell moves
  EXPECT_EQ(movement_rewards(scene.step()), 0.0);
  scene.after = {cell_at(1, 12), cell_at(2, 19)};
  scene.config.reward.node.leftward_penalty = 4.0;
  EXPECT_DOUBLE_EQ(movement_rewards(scene.step()), 3.0 * 2 - 4.0 * 1);
}

TEST(NodeReward, SubstratePaysTheIntensity) {
  Scene scene;
  scene.after = cells_at({0, 20});
  EXPECT_DOUBLE_EQ(substrate_rewards(scene.step()), 0.3 * (1.0 + 2.0));
}

TEST(NodeReward, OuterCellsHaveABonus) {
  Scene scene;
  scene.after = {cell_at(0, 30, 100), cell_at(1, 50, 100), cell_at(2, 40, 140),
                 cell_at(3, 40, 110)};
  EXPECT_DOUBLE_EQ(outer_cell_rewards(scene.step()), 0.1 * 3);
}

TEST(NodeReward, TheLeftmostTenthCosts) {
  Scene scene;
  scene.after = cells_at({3, 19.9f, 20, 30});
  EXPECT_DOUBLE_EQ(left_edge_rewards(scene.step()), -0.2 * 2);
}

TEST(NodeReward, ZonesNearTheEdgesCost) {
  Scene scene;
  const auto at = [&](float y) {
    scene.after = {cell_at(0, 30, y)};
    return boundary_zone_rewards(scene.step());
  };
  EXPECT_DOUBLE_EQ(at(11), -5.0);
  EXPECT_DOUBLE_EQ(at(13), -2.0);
  EXPECT_DOUBLE_EQ(at(368.5f), -2.0);
  EXPECT_DOUBLE_EQ(at(341), -0.5);
  EXPECT_EQ(at(60), 0.0);
}

TEST(NodeReward, TheMiddleHasABonus) {
  Scene scene;
  scene.after = {cell_at(0, 30, 141), cell_at(1, 30, 259), cell_at(2, 30, 261)};
  EXPECT_DOUBLE_EQ(safe_center_rewards(scene.step()), 0.05 * 2);
}

TEST(NodeReward, CellsOfThePastAreComparedWithTheMean) {
  Scene scene;
  scene.after = cells_at({0, 20, 40});  // intensities 1, 2, 3
  EXPECT_EQ(intensity_rewards(scene.step()), 0.0);
  const ColonySnapshot past{{0, 1}, {9.0, 9.0}};
  StepContext step = scene.step();
  step.past = &past;
  EXPECT_DOUBLE_EQ(intensity_rewards(step), -0.3 + 1.5);  // the newer cell 2 does not count
}

TEST(NodeReward, IsAMeanOrASum) {
  Scene scene;
  scene.before = scene.after = {cell_at(0, 30, 100), cell_at(1, 50, 100), cell_at(2, 40, 140),
                                cell_at(3, 40, 110)};
  const double sum = 0.3 * (2.5 + 3.5 + 3.0 + 3.0) + 0.1 * 3;
  EXPECT_NEAR(node_reward(scene.step()), sum / 4, 1e-12);
  scene.config.reward.node.aggregation = NodeRewards::Aggregation::kSum;
  EXPECT_NEAR(node_reward(scene.step()), sum, 1e-12);
  scene.after.clear();
  EXPECT_EQ(node_reward(scene.step()), 0.0);
}

}  // namespace
}  // namespace frost
