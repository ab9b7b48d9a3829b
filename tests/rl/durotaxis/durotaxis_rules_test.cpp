#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/durotaxis.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

// Rewards, endings and marking of the durotaxis environment.
namespace frost {
namespace {

using Ids = std::vector<int>;

TEST(DistanceReward, StaticFormIsTheDistanceToTheGoal) {
  DurotaxisConfig config = steep_config();
  config.reward.distance.use_delta_distance = false;
  Durotaxis environment = started(config, path_colony({{9, 200}, {10, 200}, {11, 200}}));
  // Only the cell at 10 stays, and spawns onto its own place.
  const StepResult result =
      environment.step({{kDeleteCell, kSpawnCell, kDeleteCell},
                        std::vector<float>{0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}});
  EXPECT_NEAR(environment.colony().centroid()[0], 10.0, 1e-9);
  EXPECT_NEAR(result.reward[kTotal], -.94974874, 1e-8);
}

TEST(DistanceReward, DeltaFormPaysTheStepOfTheCentroidFromTheFirstStepOn) {
  Durotaxis environment = started(steep_config(), path_colony({{8.5f, 200}, {11.5f, 200}}));
  const StepResult result =
      environment.step({{kDeleteCell, kSpawnCell}, std::vector<float>{0, 0, 0, 0, 0, 2, 0, 0}});
  EXPECT_NEAR(environment.colony().centroid()[0], 11.5, 1e-9);
  EXPECT_NEAR(result.reward[kTotal], .03768844, 1e-8);
  EXPECT_EQ(result.reward[kGraph], result.reward[kTotal]);
  for (const auto other : {kSpawn, kDelete, kEdge, kNode}) EXPECT_EQ(result.reward[other], 0.0);
}

// Ends an episode by success and returns the reward beyond the distance.
double success_bonus(DurotaxisConfig config) {
  config.reward.distance.distance_reward_scale = 0.0;
  Durotaxis environment = started(config, path_colony({{189, 200}}));
  const StepResult result = environment.step({{kSpawnCell}, {}});
  EXPECT_TRUE(result.success);
  EXPECT_EQ(result.reward[kGraph], result.reward[kTotal]);
  return result.reward[kTotal];
}

TEST(DistanceReward, TerminalRewardsAreScaledAndClipped) {
  DurotaxisConfig config = steep_config();
  EXPECT_EQ(success_bonus(config), 0.0);
  config.reward.include_termination_rewards = true;
  const std::vector<std::pair<double, double>> scaled{{500, 10},  {-100, -2}, {-50, -1},
                                                      {-15, -.3}, {600, 10},  {-600, -10}};
  for (const auto& [reward, want] : scaled) {
    config.reward.termination.success_reward = reward;
    EXPECT_NEAR(success_bonus(config), want, 1e-12);
  }
  config.reward.distance.clip_terminal_rewards = false;
  config.reward.termination.success_reward = 600;
  EXPECT_NEAR(success_bonus(config), 12.0, 1e-12);
}

TEST(Termination, EveryCaseHasItsDefaultReward) {
  const TerminationRewards rewards;
  const std::vector<double> want{0, -15, -100, -100, -50, 500, 0};
  for (int k = 0; k < 7; ++k)
    EXPECT_EQ(termination_reward(static_cast<TerminationCase>(k), rewards),
              want[static_cast<std::size_t>(k)]);
}

TEST(Termination, DeletingEverythingEndsWithoutDistanceReward) {
  DurotaxisConfig config = steep_config();
  config.reward.include_termination_rewards = true;
  Durotaxis environment = started(config);
  const StepResult result = environment.step({std::vector<std::int32_t>(5, kDeleteCell), {}});
  EXPECT_EQ(ending_of(result), TerminationCase::kNoNodes);
  EXPECT_TRUE(result.terminated);
  EXPECT_NEAR(result.reward[kTotal], -2.0, 1e-12);
  EXPECT_EQ(environment.graph().num_nodes(), 0);
  EXPECT_EQ(environment.progress(), 0.0);
}

TEST(Termination, CellsOutsideTheSubstrateEndTheEpisode) {
  const DurotaxisConfig config = steep_config();
  for (const auto& [x, y] : std::vector<std::pair<float, float>>{
           {-.5f, 200.f}, {200.f, 200.f}, {10.f, -1.f}, {10.f, 400.f}}) {
    const Colony colony = path_colony({{10, 200}, {x, y}});
    EXPECT_EQ(find_termination(colony, linear_field(), config, 0, 1),
              TerminationCase::kOutOfBounds);
  }
}

// The last cell spawns at the given distance along x, all others die: a pair that crawls.
StepResult crawl(Durotaxis& environment, float distance) {
  const auto n = static_cast<std::size_t>(environment.colony().size());
  Action action;
  action.decisions.assign(n, kDeleteCell);
  action.decisions.back() = kSpawnCell;
  action.parameters.assign(4 * n, 0.0f);
  for (std::size_t i = 0; i < n; ++i) action.parameters[4 * i] = distance;
  return environment.step(action);
}

TEST(Termination, CentroidFallingThirtyTimesInARowEndsTheEpisode) {
  Durotaxis environment = started(steep_config(), path_colony({{150, 200}, {149, 200}}));
  StepResult result;
  for (int t = 1; t <= 30; ++t) {
    ASSERT_FALSE(result.done()) << t;
    result = crawl(environment, -1.0f);
    EXPECT_NEAR(result.reward[kTotal], -5.0 / 199, 1e-6);
  }
  EXPECT_EQ(ending_of(result), TerminationCase::kLeftwardDrift);
  EXPECT_TRUE(result.terminated);
}

TEST(Termination, AStepThatDoesNotFallRestartsTheCount) {
  DurotaxisConfig config = steep_config();
  config.consecutive_left_moves_limit = 2;
  Durotaxis environment = started(config, path_colony({{102, 200}, {101, 200}}));
  EXPECT_EQ(ending_of(crawl(environment, -4)), TerminationCase::kRunning);
  EXPECT_EQ(ending_of(crawl(environment, 4)), TerminationCase::kRunning);  // stands still
  EXPECT_EQ(ending_of(crawl(environment, -20)), TerminationCase::kRunning);
  EXPECT_EQ(ending_of(crawl(environment, -4)), TerminationCase::kLeftwardDrift);
}

TEST(Termination, TimeLimitTruncatesInsteadOfTerminating) {
  DurotaxisConfig config = steep_config();
  config.max_steps = 3;
  Durotaxis environment = started(config);
  StepResult result;
  for (int t = 0; t < 3; ++t) {
    EXPECT_FALSE(result.done());
    result = environment.step(half_delete_policy(environment.colony()));
  }
  EXPECT_EQ(ending_of(result), TerminationCase::kTimeLimit);
  EXPECT_TRUE(result.truncated);
  EXPECT_FALSE(result.terminated);
  EXPECT_FALSE(result.success);
}

TEST(Termination, CasesAreTestedInTheirOrder) {
  DurotaxisConfig config = steep_config();
  config.max_critical_nodes = 1;
  config.threshold_critical_nodes = 2;
  const Substrate field = linear_field();
  const int limit = config.consecutive_left_moves_limit, end = config.max_steps;
  const Colony three = path_colony({{10, 200}, {195, 200}, {300, 200}});
  EXPECT_EQ(find_termination(three, field, config, limit, end), TerminationCase::kTooManyNodes);
  EXPECT_EQ(find_termination(Colony{}, field, config, limit, end), TerminationCase::kNoNodes);
  const Colony outside = path_colony({{195, 200}, {300, 200}});
  EXPECT_EQ(find_termination(outside, field, config, limit, end), TerminationCase::kOutOfBounds);
  const Colony goal = path_colony({{10, 200}, {190, 200}});
  EXPECT_EQ(find_termination(goal, field, config, limit, end), TerminationCase::kLeftwardDrift);
  EXPECT_EQ(find_termination(goal, field, config, limit - 1, end), TerminationCase::kSuccess);
  const Colony short_of_goal = path_colony({{10, 200}, {189.9f, 200}});
  EXPECT_EQ(find_termination(short_of_goal, field, config, 0, end), TerminationCase::kTimeLimit);
  EXPECT_EQ(find_termination(short_of_goal, field, config, 0, end - 1), TerminationCase::kRunning);
}

Ids marked(const Colony& colony) {
  Ids out;
  for (const Cell& cell : colony.cells())
    if (cell.marked) out.push_back(static_cast<int>(cell.id));
  return out;
}

TEST(Marking, RightmostOfThePastCellsBelowTheMeanAreMarked) {
  std::vector<std::array<float, 2>> positions;
  for (int i = 0; i < 30; ++i) positions.push_back({static_cast<float>(10 + i), 200});
  Colony colony = path_colony(positions);
  // Mean intensity now: that of x = 24.5, so cells 0..14 lie below it. The past knew cells 0..9,
  // a dead one, and cell 12 at an intensity that was above the mean.
  ColonySnapshot past{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 40}, {}};
  for (int id = 0; id < 10; ++id) past.intensity.push_back(linear_field().intensity(10 + id));
  past.intensity.push_back(9.0);
  past.intensity.push_back(1.0);

  Colony unchanged = colony;
  mark_by_rule(unchanged, linear_field(), past, 30);
  EXPECT_EQ(marked(unchanged), Ids{});  // not above the critical number

  Colony one = colony;
  mark_by_rule(one, linear_field(), past, 29);
  EXPECT_EQ(marked(one), Ids{9});  // 15 % of one, but at least one

  mark_by_rule(colony, linear_field(), past, 10);
  EXPECT_EQ(marked(colony), (Ids{7, 8, 9}));  // 15 % of 20

  Colony few = path_colony(positions);
  mark_by_rule(few, linear_field(), {{3, 25}, {1.65, 2.75}}, 1);
  EXPECT_EQ(marked(few), Ids{3});  // fewer candidates than places
}

TEST(Marking, LooksDeltaTimeStepsBackAndMarksLast) {
  DurotaxisConfig config = steep_config();
  config.max_critical_nodes = 6;
  config.delta_time = 3;
  Durotaxis environment = started(config);
  for (int t = 1; t <= 3; ++t) {
    environment.step(all_spawn_policy(environment.graph()));
    EXPECT_EQ(marked(environment.colony()), Ids{}) << "the history is not full at step " << t;
  }
  // Step 4: 80 cells, mean x 13.9; of the first five cells those at 2, 6, 10 lie below the mean.
  environment.step(all_spawn_policy(environment.graph()));
  EXPECT_EQ(marked(environment.colony()), (Ids{0, 1, 2}));
  // Marks stay with survivors and go with the dead.
  std::vector<std::int32_t> decisions(80, kSpawnCell);
  decisions[1] = kDeleteCell;
  environment.step({decisions, {}});
  const Ids now = marked(environment.colony());
  EXPECT_TRUE(std::count(now.begin(), now.end(), 0) && std::count(now.begin(), now.end(), 2));
  EXPECT_FALSE(std::count(now.begin(), now.end(), 1));
}
}  // namespace
}  // namespace frost
