#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "tests/rl/durotaxis/durotaxis_scene.h"
#include "tools/config/config.h"

// The reward modes, the state machine and the terminal scale, on states made by hand.
namespace frost {
namespace {

TEST(RewardConfig, ModeAndDiscountComeFromTheConfigurationFile) {
  const auto mode = [](const char* yaml) {
    return parse_config(yaml, "x.yaml", {}).environment.reward.mode();
  };
  EXPECT_EQ(mode(""), RewardMode::kDistance);
  EXPECT_EQ(mode("environment: {centroid_distance_only_mode: false}"), RewardMode::kNormal);
  EXPECT_EQ(mode("environment: {simple_delete_only_mode: true, "
                 "centroid_distance_only_mode: false}"),
            RewardMode::kDeleteOnly);
  const Config config = parse_config("algorithm: {gamma: 0.9}", "x.yaml", {});
  EXPECT_EQ(config.environment.reward.distance.discount, 0.9);
  EXPECT_EQ(config.model.encoder.node_features, 11);
}

TEST(NormalMode, FoldsEveryTermIntoItsComponent) {
  RewardTerms terms;
  terms.distance = 1;
  terms.base = 2;
  terms.action = 4;
  terms.centroid = 8;
  terms.survival = 16;
  terms.milestone = 32;
  terms.recovery = 64;
  terms.termination = 128;
  terms.spawn = 256;
  terms.deletion = 512;
  terms.efficiency = 1024;
  terms.edge = 2048;
  terms.node = 4096;
  const RewardVector want{8191, 255, 256, 1536, 2048, 4096};
  EXPECT_EQ(terms.components(), want);
}

TEST(NormalMode, HasEveryTermAndTheUnscaledEnding) {
  Scene scene;
  scene.before = {aged(cell_at(0, 10), 60), marked(cell_at(1, 12, 200, 0)), cell_at(2, 40, 200, 1)};
  scene.after = {cell_at(1, 12), cell_at(2, 40, 200, 0), newborn_at(3, 55, 200, 1)};
  StepContext step = scene.step();
  step.ending = TerminationCase::kSuccess;
  step.recovered = true;
  const RewardTerms terms = step_rewards(step);
  EXPECT_EQ(terms.distance, 0.0);
  EXPECT_DOUBLE_EQ(terms.base, 0.1);
  EXPECT_DOUBLE_EQ(terms.action, 0.03);
  EXPECT_NEAR(terms.centroid, 5 * (107.0 / 3 - 62.0 / 3), 1e-12);
  EXPECT_NEAR(terms.survival, .0100125, 1e-15);
  EXPECT_DOUBLE_EQ(terms.milestone, 50.0);
  EXPECT_DOUBLE_EQ(terms.recovery, -50.0);
  EXPECT_DOUBLE_EQ(terms.termination, 500.0);
  EXPECT_DOUBLE_EQ(terms.spawn, 2.5);
  EXPECT_DOUBLE_EQ(terms.deletion, -4.0);
  EXPECT_NEAR(terms.efficiency, 4.4, 1e-12);
  EXPECT_DOUBLE_EQ(terms.edge, 1.0);
  EXPECT_NE(terms.node, 0.0);
}

TEST(DeleteOnlyMode, ChargesGrowthAndWrongDecisionsOnly) {
  Scene scene;
  scene.config.reward.simple_delete_only = true;
  scene.config.max_critical_nodes = 2;
  scene.before = {marked(cell_at(0, 10)), marked(cell_at(1, 12)), cell_at(2, 14), cell_at(3, 16)};
  scene.after = {cell_at(1, 12), cell_at(3, 16), cell_at(4, 190)};
  StepContext step = scene.step();
  step.ending = TerminationCase::kSuccess;
  RewardVector reward = step_rewards(step).components();
  EXPECT_DOUBLE_EQ(reward[kGraph], -3.0 * 1.5);
  EXPECT_DOUBLE_EQ(reward[kDelete], -2.0 - 2.0);  // one kept, one deleted without a mark
  EXPECT_DOUBLE_EQ(reward[kTotal], -8.5);
  EXPECT_EQ(reward[kSpawn] + reward[kEdge] + reward[kNode], 0.0);

  scene.config.reward.include_termination_rewards = true;
  step.recovered = true;  // its penalty is not lost when the episode ends
  reward = step_rewards(step).components();
  EXPECT_DOUBLE_EQ(reward[kTotal], -8.5 + 500.0 - 50.0);
}

TEST(DistanceMode, HasNoOtherTerms) {
  Scene scene;
  scene.config.reward.centroid_distance_only = true;
  scene.before = {marked(cell_at(0, 10)), cell_at(1, 12)};
  scene.after = {cell_at(1, 12), newborn_at(2, 60, 5, 0)};
  StepContext step = scene.step();
  step.recovered = true;
  const RewardVector reward = step_rewards(step).components();
  EXPECT_DOUBLE_EQ(reward[kTotal], 5.0 * (36 - 11) / 199);
  EXPECT_EQ(reward[kGraph], reward[kTotal]);
}

TEST(DistanceMode, ShapingTelescopesToThePotentialOfTheStart) {
  DurotaxisConfig config = steep_config();
  config.reward.distance.potential_based = true;
  for (const bool cut : {false, true}) {
    config.max_steps = cut ? 20 : 1000;
    Durotaxis environment = started(config);
    const auto potential = [&] { return 5.0 * environment.colony().centroid()[0] / 199.0; };
    const double start = potential();
    double sum = 0.0, discount = 1.0;
    StepResult result;
    while (!result.done()) {
      Action action;
      const int n = environment.colony().size();
      for (int i = 0; i < n; ++i) action.decisions.push_back(i < n / 2 ? kDeleteCell : kSpawnCell);
      result = environment.step(action);
      sum += discount * result.reward[kTotal];
      discount *= config.reward.distance.discount;
    }
    EXPECT_EQ(result.truncated, cut);
    // A state the time limit cuts keeps its potential; one the MDP ends in has none.
    EXPECT_NEAR(sum, (cut ? discount * potential() : 0.0) - start, 1e-12);
  }
}

/// The state machine's reward without its growth term, which is 0.5 at the critical number.
double beyond_growth(Scene scene, int step_number, bool first_marking = false) {
  scene.config.max_critical_nodes = static_cast<int>(scene.after.size());
  scene.config.delta_time = 10;
  StepContext step = scene.step();
  step.step = step_number;
  step.first_marking = first_marking;
  return state_machine_reward(step) - 0.5;
}

TEST(StateMachineReward, GrowthIsABellAroundTheCriticalNumber) {
  Scene scene;
  scene.config.max_critical_nodes = 40;
  const auto at = [&](int nodes) {
    scene.after.assign(static_cast<std::size_t>(nodes), spared(cell_at(0, 10)));
    for (std::size_t i = 0; i < scene.after.size(); ++i)
      scene.after[i].id = static_cast<std::int64_t>(i);
    return state_machine_reward(scene.step());
  };
  EXPECT_DOUBLE_EQ(at(40), 0.5);
  EXPECT_NEAR(at(30), 0.5 * std::exp(-.125), 1e-12);
  EXPECT_NEAR(at(50), -0.5 * std::exp(-.125), 1e-12);
}

TEST(StateMachineReward, UnmarkedCellsCostAndTheFirstMarksPay) {
  Scene scene;
  scene.after = {spared(cell_at(0, 10)), marked(cell_at(1, 11)), cell_at(2, 12), cell_at(3, 13)};
  EXPECT_NEAR(beyond_growth(scene, 5), -0.5 * 2 / 4, 1e-12);
  EXPECT_NEAR(beyond_growth(scene, 5, true), -0.5 * 2 / 4 + 0.5 * 1 / 4, 1e-12);
}

TEST(StateMachineReward, DeletionsArePaidByTheirDeadline) {
  // delta_time 10: a window of 3 steps, sigma 2.
  const auto deleting = [](const Cell& cell, int step) {
    Scene scene;
    scene.after = {spared(cell_at(9, 10))};
    scene.before = {cell};
    return beyond_growth(scene, step);
  };
  EXPECT_NEAR(deleting(marked(cell_at(0, 5), 20), 20), 0.5, 1e-12);
  EXPECT_NEAR(deleting(marked(cell_at(0, 5), 20), 18), 0.5 * std::exp(-0.5), 1e-12);
  EXPECT_NEAR(deleting(marked(cell_at(0, 5), 20), 23), 0.5 * std::exp(-9.0 / 8), 1e-12);
  EXPECT_NEAR(deleting(marked(cell_at(0, 5), 20), 24), -0.5, 1e-12);
  EXPECT_NEAR(deleting(marked(cell_at(0, 5), 20), 16), -0.5, 1e-12);
  EXPECT_NEAR(deleting(cell_at(0, 5), 20), -0.5, 1e-12);
  EXPECT_NEAR(deleting(spared(cell_at(0, 5)), 20), -0.5, 1e-12);
}

TEST(StateMachineReward, CellsPastTheirDeadlineCostAndSumsAreLimited) {
  Scene scene;
  scene.before = scene.after = {marked(cell_at(0, 5), 20), marked(cell_at(1, 6), 20)};
  EXPECT_NEAR(beyond_growth(scene, 20), 0.0, 1e-12);
  EXPECT_NEAR(beyond_growth(scene, 21), -0.5, 1e-12);  // two cells, one limit
  scene.before = cells_at({1, 2, 3, 4, 5, 6});
  scene.after = {spared(cell_at(9, 10))};
  EXPECT_NEAR(beyond_growth(scene, 5), -1.0, 1e-12);
  scene.config.max_critical_nodes = 1;
  scene.after = {spared(cell_at(9, 10)), spared(cell_at(10, 10))};
  EXPECT_DOUBLE_EQ(state_machine_reward(scene.step()), -1.0);
}

TEST(StateMachineReward, ReplacesTheDeletionTermOfBothModes) {
  Scene scene;
  scene.config.reward.deletion.mode = DeleteRewards::Mode::kStateMachine;
  scene.config.max_critical_nodes = 1;
  scene.before = scene.after = {spared(cell_at(0, 10)), spared(cell_at(1, 30))};
  const double want = -0.5 * std::exp(-1.0 / 800);
  EXPECT_DOUBLE_EQ(step_rewards(scene.step()).deletion, want);
  scene.config.reward.simple_delete_only = true;
  const RewardVector reward = step_rewards(scene.step()).components();
  EXPECT_DOUBLE_EQ(reward[kDelete], want);
  EXPECT_DOUBLE_EQ(reward[kTotal], want);
}

TEST(TerminalScale, FallsAfterGoodWindowsDownToItsFloor) {
  TerminalScale scale({.enabled = true, .min_scale = 0.015}, 0.02);
  const auto record = [&](std::initializer_list<double> returns) {
    for (const double value : returns) scale.record(value);
    return scale.value();
  };
  EXPECT_EQ(record({1, 1, -1, -1}), 0.02);
  EXPECT_EQ(record({1, 1}), 0.02);    // windows of 3 and 3 good ones out of 5
  EXPECT_EQ(record({-1, -1}), 0.02);  // 3, then 2: the count starts over
  EXPECT_EQ(record({1, 1}), 0.02);
  EXPECT_DOUBLE_EQ(record({1}), 0.018);
  EXPECT_DOUBLE_EQ(record({1, 1, 1}), 0.0162);
  EXPECT_DOUBLE_EQ(record({1, 1, 1}), 0.015);
  TerminalScale off({}, 0.02);
  for (int k = 0; k < 50; ++k) off.record(1.0);
  EXPECT_EQ(off.value(), 0.02);
  TerminalScale low({.enabled = true}, 0.001);  // below the floor from the start
  for (int k = 0; k < 50; ++k) low.record(1.0);
  EXPECT_EQ(low.value(), 0.001);
}

}  // namespace
}  // namespace frost
