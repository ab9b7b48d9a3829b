#include "rl/envs/durotaxis/durotaxis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/features.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

namespace frost {
namespace {

using Edges = std::vector<std::pair<int, int>>;
using Ids = std::vector<int>;

Action random_action(const Durotaxis& environment, RandomStream& stream) {
  return random_policy(environment.graph(), stream);
}

bool equal(const GraphObservation& a, const GraphObservation& b) {
  const auto fields = [](const GraphObservation& o) {
    return std::tie(o.node_features, o.graph_features, o.edge_features, o.edge_source,
                    o.edge_target, o.action_mask);
  };
  return fields(a) == fields(b);
}

TEST(Durotaxis, AllSpawnGrowsAsDocumentedUntilTheColonyIsTooLarge) {
  struct Row {
    int nodes, edges;
    double mean_x, max_x;
  };
  const std::vector<Row> rows{{10, 9, 10.941541, 20.471880},    {20, 19, 11.908372, 23.071880},
                              {40, 39, 12.905404, 25.852367},   {80, 79, 13.936693, 28.745470},
                              {160, 159, 15.003874, 31.796289}, {320, 319, 16.107287, 34.991982},
                              {640, 639, 17.246909, 38.320503}};
  Durotaxis environment = started(steep_config());
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const StepResult result = environment.step(all_spawn_policy(environment.graph()));
    const Colony& colony = environment.colony();
    EXPECT_EQ(colony.size(), rows[k].nodes);
    EXPECT_EQ(colony.num_edges(), rows[k].edges);
    EXPECT_NEAR(colony.centroid()[0], rows[k].mean_x, 1e-6);
    EXPECT_NEAR(max_x(colony), rows[k].max_x, 2e-6);
    const bool last = k + 1 == rows.size();
    EXPECT_EQ(result.terminated, last);
    EXPECT_EQ(ending_of(result), last ? TerminationCase::kTooManyNodes : TerminationCase::kRunning);
  }
}

TEST(Durotaxis, FirstChildrenLandWhereDocumented) {
  Durotaxis environment = started(steep_config());
  environment.step(all_spawn_policy(environment.graph()));
  const std::vector<double> x{3.261228, 7.585062, 11.9, 16.197243, 20.47188};
  for (int i = 0; i < 5; ++i)
    EXPECT_NEAR(environment.colony().cell(5 + i).x, x[static_cast<std::size_t>(i)], 1e-6);
}

TEST(Durotaxis, HalfDeleteRunsAsDocumented) {
  DurotaxisConfig static_config = steep_config();
  static_config.reward.distance.use_delta_distance = false;
  Durotaxis first = started(static_config);
  EXPECT_NEAR(first.step(half_delete_policy(first.colony())).reward[kTotal], -.924146, 1e-6);

  Durotaxis environment = started(steep_config());
  const Colony& colony = environment.colony();
  std::vector<double> rewards;
  StepResult result;
  const auto step = [&] {
    result = environment.step(half_delete_policy(colony));
    rewards.push_back(result.reward[kTotal]);
  };
  step();
  EXPECT_EQ(ids(colony), (Ids{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(edge_ids(colony), (Edges{{2, 3}, {3, 4}, {2, 5}, {3, 6}, {4, 7}}));
  EXPECT_EQ(colony.num_roots(), 1);
  EXPECT_NEAR(colony.centroid()[0], 15.09485, 1e-5);
  step();
  EXPECT_EQ(ids(colony), (Ids{4, 6, 7, 8, 9, 10}));
  EXPECT_EQ(edge_ids(colony), (Edges{{4, 7}, {4, 8}, {6, 9}, {7, 10}}));
  EXPECT_EQ(colony.num_roots(), 2);
  EXPECT_NEAR(colony.centroid()[0], 19.45795, 1e-5);
  EXPECT_NEAR(rewards.back(), .109626, 1e-6);
  step();
  EXPECT_EQ(colony.num_edges(), 4);
  EXPECT_NEAR(colony.centroid()[0], 22.66863, 1e-5);
  EXPECT_NEAR(max_x(colony), 25.85237, 1e-5);
  EXPECT_NEAR(rewards.back(), .080670, 1e-6);
  while (!result.done()) step();

  EXPECT_TRUE(result.success);
  EXPECT_TRUE(result.terminated);
  EXPECT_FALSE(result.truncated);
  EXPECT_EQ(environment.episode_steps(), 41);
  EXPECT_NEAR(max_x(colony), 191.21758, 1e-4);
  EXPECT_NEAR(colony.centroid()[0], 185.48245, 1e-4);
  EXPECT_EQ(colony.num_edges(), 3);
  EXPECT_EQ(colony.num_roots(), 3);
  EXPECT_NEAR(environment.progress(), 185.48245 / 199, 1e-6);
  const double sum = std::accumulate(rewards.begin() + 1, rewards.end(), -.924146);
  EXPECT_NEAR(sum, 3.356949, 2e-6);
}

TEST(Durotaxis, SlowFieldNeedsSeventyTwoSteps) {
  Durotaxis environment{DurotaxisConfig{}};
  environment.start(standard_start(), linear_field(0.01));
  StepResult result;
  while (!result.done()) result = environment.step(half_delete_policy(environment.colony()));
  EXPECT_TRUE(result.success);
  EXPECT_EQ(environment.episode_steps(), 72);
}

TEST(Durotaxis, DecisionsStayWithTheirCells) {
  Durotaxis environment = started(steep_config(), path_colony({{10, 200}, {20, 200}, {30, 200}}));
  environment.step({{kDeleteCell, kSpawnCell, kDeleteCell}, {}});
  EXPECT_EQ(ids(environment.colony()), (Ids{1, 3}));
  EXPECT_EQ(edge_ids(environment.colony()), (Edges{{1, 3}}));
}

TEST(Durotaxis, SurvivorRuleHoldsInsideTheEnvironment) {
  DurotaxisConfig config = steep_config();
  config.min_nodes = 2;
  Durotaxis environment = started(config);
  const StepResult result = environment.step({std::vector<std::int32_t>(5, kDeleteCell), {}});
  EXPECT_FALSE(result.done());
  EXPECT_EQ(ids(environment.colony()), (Ids{3, 4}));
}

TEST(Durotaxis, ObservationShowsTheNewbornAndCanBeReadAnyNumberOfTimes) {
  Durotaxis watched = started(steep_config()), unwatched = started(steep_config());
  StepResult a, b;
  for (int t = 0; t < 5; ++t) {
    for (int k = 0; k < 3; ++k) EXPECT_TRUE(equal(watched.graph(), watched.graph()));
    a = watched.step(half_delete_policy(watched.colony()));
    b = unwatched.step(half_delete_policy(unwatched.colony()));
  }
  EXPECT_EQ(a.reward, b.reward);
  const GraphObservation seen = watched.graph();
  EXPECT_TRUE(equal(seen, unwatched.graph()));
  int fresh = 0;
  for (int i = 0; i < seen.num_nodes(); ++i)
    fresh += seen.node_features[static_cast<std::size_t>(i * kNodeFeatures + 8)] > 0.0f;
  EXPECT_EQ(fresh, 3);
}

TEST(Durotaxis, LayoutAndFieldAreFunctionsOfTheSeed) {
  DurotaxisConfig config = steep_config();
  config.substrate.kind = SubstrateConfig::Kind::kRandom;
  Durotaxis used(config), fresh(config);
  used.reset(1);
  const GraphObservation one = used.graph();
  RandomStream stream(9, StreamPurpose::kSampling);
  for (int t = 0; t < 4; ++t) used.step(random_action(used, stream));
  used.reset(2);
  fresh.reset(2);
  EXPECT_TRUE(equal(used.graph(), fresh.graph()));
  EXPECT_EQ(used.substrate().m(), fresh.substrate().m());
  EXPECT_EQ(used.substrate().kind(), fresh.substrate().kind());
  EXPECT_FALSE(equal(used.graph(), one));
  used.reset(1);
  EXPECT_TRUE(equal(used.graph(), one));
  EXPECT_EQ(used.colony().cell(0).id, 0);
  EXPECT_EQ(used.episode_steps(), 0);
}

TEST(Durotaxis, StepsOnlyWhileAnEpisodeRuns) {
  Durotaxis environment{steep_config()};
  EXPECT_THROW(environment.step({}), Error);
  environment.reset(0);
  EXPECT_THROW(environment.step({{kSpawnCell}, {}}), Error);
  EXPECT_EQ(environment.episode_steps(), 0);
  environment.step({std::vector<std::int32_t>(5, kDeleteCell), {}});
  EXPECT_THROW(environment.step({}), Error);
}

TEST(Durotaxis, ImpossibleConfigurationIsRefused) {
  const auto refused = [](auto change) {
    DurotaxisConfig config = steep_config();
    change(config);
    EXPECT_THROW(Durotaxis{config}, UsageError);
  };
  refused([](DurotaxisConfig& c) { c.init_num_nodes = 0; });
  refused([](DurotaxisConfig& c) { c.threshold_critical_nodes = c.max_critical_nodes; });
  refused([](DurotaxisConfig& c) { c.max_steps = 0; });
  refused([](DurotaxisConfig& c) { c.delta_time = 0; });
  refused([](DurotaxisConfig& c) { c.consecutive_left_moves_limit = 0; });
  refused([](DurotaxisConfig& c) { c.min_nodes = -1; });
  refused([](DurotaxisConfig& c) { c.substrate.linear_m = {0.2, 0.1}; });
}

// A run that crosses the marking rule, with a random field.
DurotaxisConfig busy_config() {
  DurotaxisConfig config = steep_config();
  config.substrate.kind = SubstrateConfig::Kind::kRandom;
  config.max_critical_nodes = 6;
  return config;
}

TEST(SavedState, ContinuingEqualsNeverHavingStopped) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Durotaxis original(busy_config());
    original.reset(seed);
    RandomStream stream(seed, StreamPurpose::kSampling);
    bool done = false;
    for (int t = 0; t < 7 && !done; ++t)
      done = original.step(random_action(original, stream)).done();

    Durotaxis resumed(busy_config());
    resumed.reset(seed + 1000);
    resumed.load_state(original.save_state());
    EXPECT_EQ(resumed.save_state(), original.save_state());
    EXPECT_EQ(resumed.episode_steps(), original.episode_steps());
    for (int t = 0; t < 200 && !done; ++t) {
      ASSERT_TRUE(equal(original.graph(), resumed.graph()));
      const Action action = random_action(original, stream);
      const StepResult a = original.step(action), b = resumed.step(action);
      ASSERT_EQ(a.reward, b.reward);
      ASSERT_EQ(ending_of(a), ending_of(b));
      ASSERT_EQ(original.save_state(), resumed.save_state());
      done = a.done();
    }
  }
}

TEST(SavedState, MalformedRecordIsRefusedAndChangesNothing) {
  Durotaxis environment = started(steep_config());
  for (int t = 0; t < 5; ++t) environment.step(half_delete_policy(environment.colony()));
  const std::vector<std::uint8_t> good = environment.save_state();
  const auto refused = [&](const std::vector<std::uint8_t>& record) {
    EXPECT_THROW(environment.load_state(record), Error);
    EXPECT_EQ(environment.save_state(), good);
  };
  for (std::size_t size = 0; size < good.size(); ++size)
    refused({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
  auto bad = good;
  bad.push_back(0);
  refused(bad);
  bad = good;
  bad[0] ^= 1;  // not this kind of record
  refused(bad);
  bad = good;
  bad[4] = 99;  // unknown version
  refused(bad);
  bad = good;
  std::fill_n(bad.begin() + 9, 4, std::uint8_t{0x7f});  // steps that counting on would overflow
  refused(bad);
  DurotaxisConfig wider = steep_config();
  wider.substrate.width = 201;
  Durotaxis other(wider);
  EXPECT_THROW(other.load_state(good), Error);
  DurotaxisConfig short_history = steep_config();
  short_history.delta_time = 1;
  Durotaxis shorter(short_history);
  EXPECT_THROW(shorter.load_state(good), Error);
}

TEST(Durotaxis, InvariantsHoldThroughAHundredThousandRandomJointActions) {
  DurotaxisConfig config = steep_config();
  config.max_critical_nodes = 20;
  config.threshold_critical_nodes = 60;
  Durotaxis environment(config);
  RandomStream stream(17, StreamPurpose::kSampling);
  std::uint64_t episode = 0;
  environment.reset(episode);
  for (int t = 0; t < 100'000; ++t) {
    const auto n = static_cast<std::size_t>(environment.colony().size());
    Action action;
    for (std::size_t i = 0; i < n; ++i) {
      action.decisions.push_back(stream.uniform() < 0.52f ? kSpawnCell : kDeleteCell);
      for (const auto& [low, high] :
           {Range{0.5, 15.0}, {0.5, 4.0}, {0.05, 0.5}, {-3.1416, 3.1416}}) {
        action.parameters.push_back(static_cast<float>(stream.uniform(low, high)));
      }
    }
    const auto spawns =
        static_cast<int>(std::count(action.decisions.begin(), action.decisions.end(), kSpawnCell));
    const bool done = environment.step(action).done();
    ASSERT_EQ(environment.colony().size(), 2 * spawns);
    ASSERT_NO_THROW(environment.colony().check_invariants(environment.substrate()));
    if (t % 100 == 0) {
      const GraphObservation o = environment.graph();
      for (const auto* values : {&o.node_features, &o.graph_features, &o.edge_features})
        for (const float value : *values) ASSERT_TRUE(std::isfinite(value));
    }
    if (done) environment.reset(++episode);
  }
  EXPECT_GT(episode, 100u);
}

TEST(Baselines, RandomPolicyObeysTheMask) {
  RandomStream stream(1, StreamPurpose::kEvaluation);
  Durotaxis environment = started(steep_config(), path_colony({{10, 200}, {20, 200}}));
  for (int trial = 0; trial < 100; ++trial)
    EXPECT_EQ(random_action(environment, stream).decisions, (std::vector<std::int32_t>{0, 0}));
  environment = started(steep_config());
  int spawns = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const auto decisions = random_action(environment, stream).decisions;
    spawns += static_cast<int>(std::count(decisions.begin(), decisions.end(), kSpawnCell));
  }
  EXPECT_NEAR(spawns, 1000, 112);  // five standard deviations

  GraphObservation forbidden = environment.graph();
  forbidden.action_mask = {0, 1, 1, 0, 0, 1, 1, 0, 0, 1};
  EXPECT_EQ(random_policy(forbidden, stream).decisions, (std::vector<std::int32_t>{1, 0, 1, 0, 1}));
}

TEST(Baselines, HalfDeleteTakesTheLeftmostAndKeepsThePair) {
  const auto decisions = [](const std::vector<std::array<float, 2>>& positions) {
    return half_delete_policy(path_colony(positions)).decisions;
  };
  EXPECT_EQ(decisions({{30, 200}, {10, 200}, {20, 200}}), (std::vector<std::int32_t>{0, 1, 0}));
  EXPECT_EQ(decisions({{10, 200}, {10, 201}, {10, 202}, {10, 203}}),
            (std::vector<std::int32_t>{1, 1, 0, 0}));
  EXPECT_EQ(decisions({{10, 200}, {20, 200}}), (std::vector<std::int32_t>{0, 0}));
}

}  // namespace
}  // namespace frost
