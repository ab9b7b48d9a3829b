#include "rl/envs/durotaxis/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/rl/durotaxis/durotaxis_fixture.h"

namespace frost {
namespace {

constexpr int kNodes = kNodeFeatures;

DurotaxisConfig raw_config() {
  DurotaxisConfig config;
  config.normalize_observation = false;
  return config;
}

std::vector<float> column(const GraphObservation& observation, int feature) {
  std::vector<float> out;
  for (int i = 0; i < observation.num_nodes(); ++i)
    out.push_back(observation.node_features[static_cast<std::size_t>(i * kNodes + feature)]);
  return out;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

Colony zigzag() {
  return path_colony({{2, 200}, {6, 204}, {10, 198}, {14, 201}});
}

TEST(Features, NodeFeaturesHaveTheDocumentedValues) {
  const GraphObservation o = extract_features(zigzag(), linear_field(), raw_config());
  expect_near(column(o, 0), {2, 6, 10, 14}, 0);
  expect_near(column(o, 1), {200, 204, 198, 201}, 0);
  expect_near(column(o, 2), {1.1, 1.3, 1.5, 1.7}, 1e-6);
  expect_near(column(o, 3), {0, 1, 1, 1}, 0);
  expect_near(column(o, 4), {1, 1, 1, 0}, 0);
  expect_near(column(o, 5), {.11563072, .14010859, .14664680, .11725345}, 2e-8);
  expect_near(column(o, 6), {6.04669331, 3.81608438, 3.40036763, 6.00520607}, 5e-7);
  expect_near(column(o, 7), {1, 1, 1, 1}, 0);
  expect_near(column(o, 8), {0, 0, 0, 0}, 0);
  expect_near(column(o, 9), {0, 0, 0, 0}, 0);
  expect_near(column(o, 10), {0, 0, 0, 0}, 0);
}

TEST(Features, GraphFeaturesHaveTheDocumentedValues) {
  const GraphObservation o = extract_features(zigzag(), linear_field(), raw_config());
  expect_near(o.graph_features,
              {4, 3, .25, 8, 200.75, 2, 198, 14, 204, 12, 6, 72, 38, .75, 1, 6, 1.4, 1.7, 5.6},
              1e-6);
}

TEST(Features, EdgeFeaturesHaveTheDocumentedValues) {
  const GraphObservation o = extract_features(zigzag(), linear_field(), raw_config());
  EXPECT_EQ(o.edge_source, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(o.edge_target, (std::vector<std::int32_t>{1, 2, 3}));
  expect_near(o.edge_features,
              {5.65685425, .70710678, .70710678, 7.21110255, .55470020, -.83205029, 5, .8, .6},
              5e-7);
}

TEST(Features, NormalisedValuesAreTheRawOnesInTheDocumentedUnits) {
  DurotaxisConfig config = raw_config();
  const GraphObservation raw = extract_features(zigzag(), linear_field(), config);
  config.normalize_observation = true;
  const GraphObservation o = extract_features(zigzag(), linear_field(), config);
  const double d = std::hypot(200.0, 400.0), top = 10.95;
  const std::vector<double> node{200, 400, top, 8, 8, 1, d, 1, 1, 1, 1};
  for (std::size_t i = 0; i < raw.node_features.size(); ++i)
    EXPECT_NEAR(o.node_features[i], raw.node_features[i] / node[i % node.size()], 1e-6) << i;
  const std::vector<double> graph{500, 500, 1,   200, 400, 200, 400, 200, 400,      200,
                                  400, 8e4, 8e4, 8,   8,   500, top, top, 500 * top};
  for (std::size_t i = 0; i < graph.size(); ++i)
    EXPECT_NEAR(o.graph_features[i], raw.graph_features[i] / graph[i], 1e-6) << i;
  const std::vector<double> edge{d, 1, 1};
  for (std::size_t i = 0; i < raw.edge_features.size(); ++i)
    EXPECT_NEAR(o.edge_features[i], raw.edge_features[i] / edge[i % 3], 1e-6) << i;
}

TEST(Features, ExponentialIntensityIsNormalisedOnALogScale) {
  const Substrate field(field_config(0.05, SubstrateConfig::Kind::kExponential));
  const GraphObservation o = extract_features(zigzag(), field, DurotaxisConfig{});
  const double want = std::log1p(std::exp(0.05 * 14)) / std::log1p(field.max_intensity());
  EXPECT_NEAR(column(o, 2)[3], want, 1e-6);
  EXPECT_NEAR(o.graph_features[17], want, 1e-6);
}

TEST(Features, DegreesOfABranchingColony) {
  Colony colony;
  colony.add(10, 200);
  for (int i = 0; i < 3; ++i) colony.add(static_cast<float>(12 + i), 200, 0);
  colony.add(20, 210);
  const GraphObservation o = extract_features(colony, linear_field(), raw_config());
  expect_near(column(o, 3), {0, 1, 1, 1, 0}, 0);
  expect_near(column(o, 4), {3, 0, 0, 0, 0}, 0);
  EXPECT_FLOAT_EQ(o.graph_features[13], 0.6f);
  EXPECT_FLOAT_EQ(o.graph_features[14], 3.0f);
  EXPECT_FLOAT_EQ(o.graph_features[15], 6.0f);
}

TEST(Features, AgeAndStagnationCountSteps) {
  Colony colony = path_colony({{10, 200}});
  colony.grow_older();
  colony.spawn(0, SpawnParameters{}, linear_field());
  colony.grow_older();
  const GraphObservation o = extract_features(colony, linear_field(), raw_config());
  expect_near(column(o, 8), {0, 1}, 0);
  expect_near(column(o, 9), {.02, .01}, 1e-8);
  expect_near(column(o, 10), {.02, 0}, 1e-8);
}

TEST(Features, MarksAreATwelfthFeatureWhereTheyMatter) {
  Colony colony = zigzag();
  colony.mark(2);
  DurotaxisConfig config = raw_config();
  const GraphObservation plain = extract_features(colony, linear_field(), config);
  EXPECT_EQ(plain.node_width, 11);
  config.reward.centroid_distance_only = false;
  const GraphObservation o = extract_features(colony, linear_field(), config);
  ASSERT_EQ(o.node_width, 12);
  ASSERT_EQ(o.num_nodes(), 4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(o.node_features[12 * i + 11], i == 2 ? 1.0f : 0.0f);
    EXPECT_TRUE(std::equal(&plain.node_features[11 * i], &plain.node_features[11 * i] + 11,
                           &o.node_features[12 * i]));
  }
  config.observe_marks = ObserveMarks::kOff;
  EXPECT_EQ(node_feature_count(config), 11);
  config.reward.centroid_distance_only = true;
  config.observe_marks = ObserveMarks::kOn;
  EXPECT_EQ(node_feature_count(config), 12);
}

TEST(Features, LonelyAndCoincidentCellsHaveCentralityOne) {
  for (const auto& positions : {std::vector<std::array<float, 2>>{{10, 200}},
                                std::vector<std::array<float, 2>>{{10, 200}, {10, 200}}}) {
    const GraphObservation o =
        extract_features(path_colony(positions), linear_field(), raw_config());
    for (const float value : column(o, 5)) EXPECT_EQ(value, 1.0f);
  }
}

TEST(Features, CoincidentCellsDoNotCountInTheMeanDistance) {
  const Colony colony = path_colony({{10, 200}, {10, 200}, {14, 200}});
  const GraphObservation o = extract_features(colony, linear_field(), raw_config());
  expect_near(column(o, 5), {.25, .25, .25}, 1e-6);
}

TEST(Features, ZeroLengthEdgeHasADirection) {
  const Colony colony = path_colony({{10, 200}, {10, 200}});
  const GraphObservation o = extract_features(colony, linear_field(), raw_config());
  expect_near(o.edge_features, {0, std::sqrt(.5), std::sqrt(.5)}, 1e-6);
}

TEST(Features, EmptyColonyGivesAnEmptyRecord) {
  const GraphObservation o = extract_features(Colony{}, linear_field(), raw_config());
  EXPECT_EQ(o.num_nodes(), 0);
  EXPECT_EQ(o.num_edges(), 0);
  EXPECT_TRUE(o.action_mask.empty());
  expect_near(o.graph_features, std::vector<double>(kGraphFeatures, 0.0), 0);
}

using Outer = std::vector<std::uint8_t>;

Hull hull_of(const std::vector<std::array<float, 2>>& positions) {
  return convex_hull(path_colony(positions).cells());
}

TEST(ConvexHull, CellsOnAnEdgeOrInsideAreNoCorners) {
  const Hull hull = hull_of({{10, 10}, {12, 10}, {14, 10}, {14, 14}, {12, 12}, {10, 14}, {10, 12}});
  EXPECT_EQ(hull.outer, (Outer{1, 0, 1, 1, 0, 1, 0}));
  EXPECT_DOUBLE_EQ(hull.area, 16.0);
}

TEST(ConvexHull, FewerThanThreeCellsAreAllOuter) {
  EXPECT_EQ(hull_of({}).outer, Outer{});
  EXPECT_EQ(hull_of({{1, 1}}).outer, (Outer{1}));
  EXPECT_EQ(hull_of({{1, 1}, {2, 1}}).outer, (Outer{1, 1}));
}

TEST(ConvexHull, CollinearCellsAreRepresentedByTheirExtremes) {
  EXPECT_EQ(hull_of({{5, 5}, {5, 7}, {5, 6}}).outer, (Outer{1, 1, 0}));
  EXPECT_EQ(hull_of({{5, 5}, {7, 5}, {6, 5}}).outer, (Outer{1, 1, 0}));
  EXPECT_EQ(hull_of({{6, 6}, {5, 5}, {8, 8}, {7, 7}}).outer, (Outer{0, 1, 1, 0}));
  EXPECT_EQ(hull_of({{5, 5}, {5, 5}, {5, 5}}).outer, (Outer{1, 0, 0}));
  EXPECT_EQ(hull_of({{6, 6}, {5, 5}, {8, 8}}).area, 0.0);
}

TEST(ConvexHull, OfCellsAtOnePointTheFirstCounts) {
  const Hull hull = hull_of({{0, 0}, {4, 0}, {4, 0}, {0, 4}, {0, 0}, {0, 4}});
  EXPECT_EQ(hull.outer, (Outer{1, 1, 0, 1, 0, 0}));
  EXPECT_DOUBLE_EQ(hull.area, 8.0);
}

TEST(ConvexHull, DoesNotDependOnTheOrderOfCellsAtOneX) {
  const Hull hull = hull_of({{10, 12}, {10, 14}, {10, 10}, {10, 12}, {14, 14}, {14, 10}, {10, 10}});
  EXPECT_EQ(hull.outer, (Outer{0, 1, 1, 0, 1, 1, 0}));
  EXPECT_DOUBLE_EQ(hull.area, 16.0);
}

TEST(ConvexHull, CornersAreTheCellsThatSeeAllOthersInHalfATurn) {
  RandomStream stream(5, StreamPurpose::kLayout);
  for (int trial = 0; trial < 50; ++trial) {
    const Colony colony = initial_colony(40, linear_field(), stream);
    const Hull hull = convex_hull(colony.cells());
    for (int i = 0; i < colony.size(); ++i) {
      std::vector<double> angles;
      for (int j = 0; j < colony.size(); ++j)
        if (j != i)
          angles.push_back(
              std::atan2(colony.cell(j).y - colony.cell(i).y, colony.cell(j).x - colony.cell(i).x));
      std::sort(angles.begin(), angles.end());
      double gap = angles.front() + 2 * std::numbers::pi - angles.back();
      for (std::size_t k = 1; k < angles.size(); ++k)
        gap = std::max(gap, angles[k] - angles[k - 1]);
      EXPECT_EQ(hull.outer[static_cast<std::size_t>(i)], gap > std::numbers::pi)
          << trial << " " << i;
    }
  }
}

TEST(ActionMask, TwoCellsMayNotDelete) {
  const auto mask = [](int cells, int max_degree) {
    DurotaxisConfig config;
    config.max_spawn_degree = max_degree;
    std::vector<std::array<float, 2>> positions;
    for (int i = 0; i < cells; ++i) positions.push_back({static_cast<float>(10 + i), 200});
    return extract_features(path_colony(positions), linear_field(), config).action_mask;
  };
  EXPECT_EQ(mask(1, 0), (Outer{1, 0}));
  EXPECT_EQ(mask(2, 0), (Outer{1, 0, 1, 0}));
  EXPECT_EQ(mask(3, 0), (Outer{1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(mask(3, 2), (Outer{1, 1, 0, 1, 1, 1}));  // the middle cell has two neighbours
  EXPECT_EQ(mask(2, 1), (Outer{1, 0, 1, 0}));        // no row forbids everything
}

}  // namespace
}  // namespace frost
