#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/recovery.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

// The optional rules: promoted heirs, acceptance and random length of spawns, recovery, the state
// machine's marks; and what must hold under every rule and reward mode.
namespace frost {
namespace {

using Edges = std::vector<std::pair<int, int>>;
using Ids = std::vector<int>;

constexpr RootDelete kPromote = RootDelete::kPromoteLeftmostChild;
constexpr SpawnParameters kStage1{};

TEST(PromoteLeftmostChild, TheLeftmostChildOfADeletedRootBecomesTheRoot) {
  Colony colony;
  colony.add(10, 200);
  colony.add(14, 200, 0);
  colony.add(12, 200, 0);
  colony.add(12, 210, 0);
  colony.add(20, 200, 1);
  Colony split = colony;
  colony.remove(0, kPromote);
  EXPECT_EQ(ids(colony), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(edge_ids(colony), (Edges{{2, 1}, {2, 3}, {1, 4}}));  // of two equal, the first
  EXPECT_EQ(colony.num_roots(), 1);
  split.remove(0);
  EXPECT_EQ(split.num_roots(), 3);
}

TEST(PromoteLeftmostChild, OtherCellsHandTheirChildrenUp) {
  Colony colony = path_colony({{10, 200}, {20, 200}, {30, 200}});
  colony.remove(1, kPromote);
  EXPECT_EQ(edge_ids(colony), (Edges{{0, 2}}));
  colony.remove(0, kPromote);
  EXPECT_EQ(ids(colony), (Ids{2}));
  colony.remove(0, kPromote);
  EXPECT_EQ(colony.num_roots(), 0);
}

TEST(PromoteLeftmostChild, AJointActionEqualsDeletingOneByOneFromTheRight) {
  RandomStream stream(4, StreamPurpose::kSampling);
  for (int trial = 0; trial < 200; ++trial) {
    Colony together = random_colony(linear_field(), stream);
    Colony one_by_one = together;
    Action action;
    for (int i = 0; i < together.size(); ++i)
      action.decisions.push_back(stream.uniform() < 0.3f ? kSpawnCell : kDeleteCell);
    together.apply(action, kStage1, linear_field(), {.root_delete = kPromote});

    for (std::size_t i = 0; i < action.decisions.size(); ++i)
      if (action.decisions[i] == kSpawnCell)
        one_by_one.spawn(static_cast<int>(i), kStage1, linear_field());
    for (std::size_t i = action.decisions.size(); i-- > 0;)
      if (action.decisions[i] == kDeleteCell) one_by_one.remove(static_cast<int>(i), kPromote);

    ASSERT_EQ(ids(together), ids(one_by_one));
    ASSERT_EQ(edge_ids(together), edge_ids(one_by_one));
    ASSERT_EQ(together.num_roots(), together.size() > 0 ? 1 : 0);
    together.check_invariants(linear_field());
  }
}

TEST(SpawnAcceptance, RefusedSpawnsLeaveNothingBehind) {
  // At intensity 1 a spawn covers 1.1 columns, at 2 it covers 2.6.
  Colony colony = path_colony({{2.5f, 200}, {20, 200}});
  const ActionRules rules{.least_gain = 2.0};
  EXPECT_EQ(colony.spawn(0, kStage1, linear_field(), rules), Colony::kRefused);
  EXPECT_EQ(colony.size(), 2);
  EXPECT_EQ(colony.next_id(), 2);
  EXPECT_EQ(colony.spawn(1, kStage1, linear_field(), rules), 2);

  DurotaxisConfig config = steep_config();
  config.spawn_acceptance = true;
  config.reward.delta_intensity = 2.0;
  Durotaxis environment = started(config, path_colony({{2.5f, 200}, {20, 200}}));
  environment.step({{kSpawnCell, kSpawnCell}, {}});
  EXPECT_EQ(environment.colony().size(), 3);
  EXPECT_EQ(edge_ids(environment.colony()), (Edges{{0, 1}, {1, 2}}));
}

TEST(RandomSpawnLength, MultipliesTheAddedLengthByANormal) {
  RandomStream noise(7, StreamPurpose::kDynamics), same(7, StreamPurpose::kDynamics);
  Colony colony = path_colony({{20, 200}});
  for (int trial = 0; trial < 100; ++trial) {
    const SpawnParameters p{5, 2, 3.0f, 0};
    const int child = colony.spawn(0, p, linear_field(), {.length_noise = &noise});
    const double length = std::max(0.0, 2.5 + 3.0 * same.normal());  // 5 / (1 + (2/2)^2)
    EXPECT_NEAR(colony.cell(child).x, 20 + length, 1e-5);
  }
}

TEST(RandomSpawnLength, IsAFunctionOfTheSeed) {
  DurotaxisConfig config = steep_config();
  config.random_spawn_length = true;
  Durotaxis a(config), b(config);
  const auto x_after = [](Durotaxis& environment, std::uint64_t seed) {
    environment.reset(seed);
    for (int t = 0; t < 3; ++t) environment.step(all_spawn_policy(graph_of(environment)));
    return environment.colony().centroid()[0];
  };
  const double first = x_after(a, 1);
  EXPECT_NE(x_after(a, 2), first);
  EXPECT_EQ(x_after(b, 1), first);
}

TEST(Recovery, CellsStandOnACircleAroundTheLostCentroid) {
  RandomStream stream(3, StreamPurpose::kRecovery);
  Colony colony = path_colony({{100, 200}});
  EXPECT_THROW(recover(colony, std::nullopt, linear_field(), {}, stream), Error);
  colony.clear();
  recover(colony, {{100, 200}}, linear_field(), {.spawn_nodes = 6, .position_noise = 8}, stream);
  EXPECT_EQ(ids(colony), (Ids{1, 2, 3, 4, 5, 6}));  // ids go on
  EXPECT_EQ(colony.num_edges(), 5);
  colony.check_invariants(linear_field());
  for (int i = 0; i < 6; ++i) {
    const double angle = 2 * std::acos(-1.0) * i / 6;
    EXPECT_NEAR(colony.cell(i).x, 100 + 16 * std::cos(angle), 2.4);
    EXPECT_NEAR(colony.cell(i).y, 200 + 16 * std::sin(angle), 2.4);
  }
}

TEST(Recovery, StaysInsideAndStartsAnewWhereNothingWasLost) {
  RandomStream stream(3, StreamPurpose::kRecovery);
  for (int trial = 0; trial < 50; ++trial) {
    Colony colony;
    recover(colony, {{199.9, 0.1}}, linear_field(), {.spawn_nodes = 1 + trial % 4}, stream);
    EXPECT_EQ(colony.size(), 1 + trial % 4);
    EXPECT_NO_THROW(colony.check_invariants(linear_field()));
  }
  Colony colony;
  recover(colony, std::nullopt, linear_field(), {.spawn_nodes = 20}, stream);
  for (const Cell& cell : colony.cells()) EXPECT_LE(cell.x, 20.0f);
}

TEST(Recovery, EpisodeGoesOnUntilTheAttemptsAreUsed) {
  DurotaxisConfig config = steep_config();
  config.recovery.enabled = true;
  config.reward.centroid_distance_only = false;
  Durotaxis environment = started(config);
  const auto delete_all = [&] {
    return environment.step(
        {std::vector<std::int32_t>(static_cast<std::size_t>(environment.colony().size()),
                                   kDeleteCell),
         {}});
  };
  for (int attempt = 1; attempt <= 2; ++attempt) {
    const StepResult result = delete_all();
    EXPECT_FALSE(result.done());
    EXPECT_EQ(environment.reward_terms().recovery, -50.0);
    EXPECT_EQ(environment.recoveries(), attempt);
    EXPECT_EQ(environment.colony().size(), 5);
    EXPECT_EQ(environment.colony().cell(0).id, 5 * attempt);
    EXPECT_EQ(environment.colony().cell(0).age, 0);
  }
  const StepResult result = delete_all();
  EXPECT_EQ(ending_of(result), TerminationCase::kNoNodes);
  EXPECT_EQ(environment.reward_terms().recovery, 0.0);
  environment.reset(1);
  EXPECT_EQ(environment.recoveries(), 0);

  Durotaxis off = started(steep_config());
  EXPECT_TRUE(off.step({std::vector<std::int32_t>(5, kDeleteCell), {}}).terminated);
}

// Marks of one call, as (marked, spared) per cell.
std::vector<std::pair<bool, bool>> fates(const Colony& colony) {
  std::vector<std::pair<bool, bool>> out;
  for (const Cell& cell : colony.cells()) out.emplace_back(cell.marked, cell.spared);
  return out;
}

TEST(StateMachineMarks, DecideByIntensityOutsideTheBand) {
  constexpr std::pair<bool, bool> kUnmarked{false, false}, kToDelete{true, false},
      kToKeep{false, true};
  // Intensities 1.5, 2, 2.5: the middle cell lies in the band around the mean.
  Colony colony = path_colony({{10, 200}, {20, 200}, {30, 200}});
  mark_by_state_machine(colony, linear_field(), 2, 2, 7, 3);
  EXPECT_EQ(fates(colony), (std::vector{kUnmarked, kUnmarked, kUnmarked}));  // not crowded
  mark_by_state_machine(colony, linear_field(), 3, 2, 7, 3);
  EXPECT_EQ(fates(colony), (std::vector{kToDelete, kUnmarked, kToKeep}));
  EXPECT_EQ(colony.cell(0).deadline, 10);

  for (int t = 0; t < 10; ++t) colony.grow_older();  // the undecided cell is overdue
  mark_by_state_machine(colony, linear_field(), 3, 2, 17, 3);
  EXPECT_EQ(fates(colony), (std::vector{kToDelete, kToKeep, kToKeep}));
  EXPECT_EQ(colony.cell(0).deadline, 10);  // absorbing

  colony.spawn(2, {40, 0, 0, 0}, linear_field());  // raises the mean: 2.5 is soft ground now
  colony.spawn(2, {40, 0, 0, 0}, linear_field());
  mark_by_state_machine(colony, linear_field(), 3, 2, 18, 3);
  EXPECT_EQ(fates(colony), (std::vector{kToDelete, kToDelete, kToDelete, kToKeep, kToKeep}));
  EXPECT_EQ(colony.cell(2).deadline, 21);
}

TEST(StateMachineMarks, CrowdsDecideInsideTheBandToo) {
  Colony colony = path_colony({{20, 200}, {20.9f, 200}, {21, 200}});
  mark_by_state_machine(colony, linear_field(), 12, 2, 7, 3);
  EXPECT_EQ(fates(colony), (std::vector<std::pair<bool, bool>>(3, {false, false})));
  mark_by_state_machine(colony, linear_field(), 13, 2, 7, 3);
  EXPECT_TRUE(colony.cell(0).marked);
  EXPECT_TRUE(colony.cell(2).spared);
}

using Change = std::function<void(DurotaxisConfig&)>;

/// Named changes to the default configuration that between them reach every mode and option.
const std::vector<std::pair<const char*, Change>>& variants() {
  static const std::vector<std::pair<const char*, Change>> list{
      {"distance", [](DurotaxisConfig&) {}},
      {"static", [](DurotaxisConfig& c) { c.reward.distance.use_delta_distance = false; }},
      {"shaping",
       [](DurotaxisConfig& c) {
         c.reward.distance.potential_based = true;
         c.reward.include_termination_rewards = true;
         c.reward.terminal_scale.enabled = true;
       }},
      {"delete only", [](DurotaxisConfig& c) { c.reward.simple_delete_only = true; }},
      {"normal",
       [](DurotaxisConfig& c) {
         c.reward.centroid_distance_only = false;
         c.recovery.enabled = true;
         c.random_spawn_length = true;
       }},
      {"normal, sums, promoted heirs",
       [](DurotaxisConfig& c) {
         c.reward.centroid_distance_only = false;
         c.reward.node.aggregation = NodeRewards::Aggregation::kSum;
         c.root_delete = kPromote;
         c.spawn_acceptance = true;
       }},
      {"normal, state machine",
       [](DurotaxisConfig& c) {
         c.reward.centroid_distance_only = false;
         c.reward.deletion.mode = DeleteRewards::Mode::kStateMachine;
       }},
      {"delete only, state machine",
       [](DurotaxisConfig& c) {
         c.reward.simple_delete_only = true;
         c.reward.deletion.mode = DeleteRewards::Mode::kStateMachine;
         c.recovery.enabled = true;
       }},
  };
  return list;
}

DurotaxisConfig variant_config(const Change& change) {
  DurotaxisConfig config = steep_config();
  config.max_critical_nodes = 8;
  config.threshold_critical_nodes = 40;
  config.max_steps = 60;
  change(config);
  return config;
}

TEST(EveryVariant, ComponentsAreFiniteAndAddUpToTheTotal) {
  for (const auto& [name, change] : variants()) {
    Durotaxis environment(variant_config(change));
    RandomStream stream(5, StreamPurpose::kSampling);
    RewardVector seen(kColonyRewards);
    for (std::uint64_t episode = 0; episode < 40; ++episode) {
      environment.reset(episode);
      for (bool done = false; !done;) {
        const StepResult result = environment.step(random_policy(graph_of(environment), stream));
        double sum = 0.0;
        for (std::size_t c = kGraph; c < kColonyRewards; ++c) {
          sum += result.reward[static_cast<std::size_t>(c)];
          seen[static_cast<std::size_t>(c)] += std::abs(result.reward[static_cast<std::size_t>(c)]);
        }
        ASSERT_TRUE(std::isfinite(sum)) << name;
        ASSERT_EQ(sum, result.reward[kTotal]) << name;
        ASSERT_EQ(environment.reward_terms().components(), result.reward) << name;
        done = result.done();
      }
    }
    const RewardMode mode = environment.config().reward.mode();
    EXPECT_EQ(seen[kSpawn] > 0 && seen[kEdge] > 0 && seen[kNode] > 0, mode == RewardMode::kNormal)
        << name;
    EXPECT_EQ(seen[kDelete] > 0, mode != RewardMode::kDistance) << name;
  }
}

TEST(EveryVariant, SavedStatesContinueBitForBit) {
  for (const auto& [name, change] : variants()) {
    Durotaxis original(variant_config(change)), resumed(variant_config(change));
    RandomStream stream(6, StreamPurpose::kSampling);
    for (std::uint64_t episode = 0; episode < 30; ++episode) {
      original.reset(episode);
      resumed.load_state(original.save_state());
      int t = 0;
      for (bool done = false; !done; ++t) {
        if (t % 7 == 6) resumed.load_state(original.save_state());
        const Action action = random_policy(graph_of(original), stream);
        const StepResult a = original.step(action), b = resumed.step(action);
        ASSERT_EQ(a.reward, b.reward) << name;
        ASSERT_EQ(original.save_state(), resumed.save_state()) << name;
        done = a.done();
      }
    }
  }
}

TEST(EveryVariant, InvariantsHoldThroughAHundredThousandRandomJointActions) {
  DurotaxisConfig config = steep_config();
  config.max_critical_nodes = 20;
  config.threshold_critical_nodes = 60;
  config.root_delete = kPromote;
  config.reward.centroid_distance_only = false;
  Durotaxis environment(config);
  RandomStream stream(18, StreamPurpose::kSampling);
  std::uint64_t episode = 0;
  environment.reset(episode);
  for (int t = 0; t < 100'000; ++t) {
    Action action;
    for (int i = 0; i < environment.colony().size(); ++i) {
      action.decisions.push_back(stream.uniform() < 0.52f ? kSpawnCell : kDeleteCell);
      add_parameters(action, {.theta = static_cast<float>(stream.uniform(-3, 3))});
    }
    const bool done = environment.step(action).done();
    const Colony& colony = environment.colony();
    ASSERT_NO_THROW(colony.check_invariants(environment.substrate()));
    ASSERT_EQ(colony.num_roots(), colony.size() > 0 ? 1 : 0);
    if (done) environment.reset(++episode);
  }
  EXPECT_GT(episode, 100u);
}

TEST(Milestones, ArePaidOnceAnEpisode) {
  DurotaxisConfig config = steep_config();
  config.reward.centroid_distance_only = false;
  Durotaxis environment(config);
  for (int episode = 0; episode < 2; ++episode) {
    environment.start(standard_start(), linear_field());
    double sum = 0.0;
    StepResult result;
    while (!result.done()) {
      result = environment.step(half_delete_policy(environment.colony()));
      sum += environment.reward_terms().milestone;
    }
    EXPECT_TRUE(result.success);
    EXPECT_DOUBLE_EQ(sum, 50.0 + 150.0 + 300.0 + 500.0);
  }
}

TEST(StateMachine, FirstMarksPayOnceAnEpisode) {
  DurotaxisConfig config = steep_config();
  config.reward.centroid_distance_only = false;
  config.reward.deletion.mode = DeleteRewards::Mode::kStateMachine;
  config.max_critical_nodes = 4;
  Durotaxis environment = started(
      config, path_colony({{10, 200}, {20, 200}, {30, 200}, {40, 200}, {50, 200}, {60, 200}}));
  for (const double bonus : {0.5, 0.0}) {
    const StepResult result = environment.step(all_spawn_policy(graph_of(environment)));
    double marks = 0, open = 0;
    const double nodes = environment.colony().size(), excess = nodes - 4;
    for (const Cell& cell : environment.colony().cells()) {
      marks += cell.marked;
      open += !cell.marked && !cell.spared;
    }
    EXPECT_GT(marks, 0.0);
    EXPECT_NEAR(result.reward[kDelete],
                -0.5 * std::exp(-excess * excess / 800) - 0.5 * open / 4 + bonus * marks / nodes,
                1e-12);
  }
}

}  // namespace
}  // namespace frost
