#include "models/graph_transformer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/errors.h"
#include "models/policies/graph_actor_critic.h"
#include "tests/models/graph_fixture.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

using Connectivity = EncoderConfig::TokenConnectivity;

Backend& backend() {
  return *test_backends().front();
}

GraphTransformer make_encoder(const EncoderConfig& config = {}) {
  return GraphTransformer(backend(), config);
}

/// Rows of the encoder's output for these colonies.
class Encoded {
 public:
  Encoded(const GraphTransformer& encoder, const std::vector<GraphObservation>& observations,
          Connectivity connectivity = Connectivity::kBoth) {
    const NoGradGuard no_grad;
    const GraphBatch batch = batch_of(backend(), observations, connectivity);
    const Tensor y = encoder.forward(batch);
    cols_ = static_cast<std::size_t>(y.dim(1));
    values_ = y.to_host();
    graphs_ = batch.graphs;
  }

  std::vector<float> token(std::int64_t graph) const { return row(graph); }
  /// Node rows are counted over the whole batch.
  std::vector<float> node(std::int64_t node) const { return row(graphs_ + node); }

 private:
  std::vector<float> row(std::int64_t r) const {
    const auto begin = values_.begin() + r * static_cast<std::int64_t>(cols_);
    return {begin, begin + static_cast<std::int64_t>(cols_)};
  }

  std::size_t cols_;
  std::vector<float> values_;
  std::int64_t graphs_;
};

void expect_close(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
}

TEST(GraphAttentionLayer, ReproducesTheWorkedExample) {
  GraphAttentionLayer layer(backend(), 2, 2, 1, 1);
  layer.query.weight.copy_from_host(std::vector<float>{1, 0, 0, 1});
  layer.key.weight.copy_from_host(std::vector<float>{1, 0, 0, 1});
  layer.value.weight.copy_from_host(std::vector<float>{2, 0, 0, 1});
  layer.edge.weight.copy_from_host(std::vector<float>{0.5f, -0.5f});
  layer.skip.weight.copy_from_host(std::vector<float>{0.1f, 0, 0, 0.1f});
  const std::vector<std::int32_t> source{0, 1, 2}, target{2, 2, 0};
  const std::vector<float> feature{1, 2, 1};
  std::vector<std::int32_t> order;
  const EdgeIndex index = build_edge_index(backend(), 3, source, target, order);
  std::vector<float> sorted;
  for (const std::int32_t e : order) sorted.push_back(feature[static_cast<std::size_t>(e)]);
  const Tensor x = Tensor::from_host(backend(), {3, 2}, std::vector<float>{1, 0, 0, 1, 1, 1});
  const Tensor edge = Tensor::from_host(backend(), {3, 1}, sorted);
  // Row 1 has no edge into it: only the skip term.
  expect_close(layer(index, x, edge).to_host(), {2.6f, 0.5f, 0.0f, 0.1f, 1.85f, -0.15f});
}

TEST(SimplicialEmbedding, ReproducesTheWorkedExample) {
  const Tensor z =
      Tensor::from_host(backend(), {1, 8}, std::vector<float>{.5f, -1, 0, 2, 0, 0, 0, 0});
  expect_close(grouped_softmax(z, 1, 1.0).to_host(),
               {.114450f, .025537f, .069417f, .512927f, .069417f, .069417f, .069417f, .069417f});
}

TEST(GraphTransformer, HasTheDocumentedParameterCount) {
  const GraphTransformer encoder = make_encoder();
  EXPECT_EQ(count_parameters(encoder.parameters(), false), 368'896);
  EncoderConfig narrow;
  narrow.out_dim = 64;
  EXPECT_EQ(count_parameters(make_encoder(narrow).parameters(), false), 327'552);
  EncoderConfig shallow;
  shallow.num_layers = 1;
  EXPECT_EQ(count_parameters(make_encoder(shallow).parameters(), false),
            19'328 + 1'536 + 17'280 + 2 * (82'432 + 256))
      << "the first and the last layer always exist";
}

TEST(GraphTransformer, EveryGroupOfTheSimplicialEmbeddingSumsToOne) {
  RandomStream random(1, StreamPurpose::kInit);
  GraphTransformer encoder = make_encoder();
  encoder.initialize(random);
  const Encoded y(encoder, {graph_observation(5, "a")});
  for (const std::vector<float>& row : {y.token(0), y.node(0), y.node(4)}) {
    for (std::size_t begin = 0; begin < row.size(); begin += 8) {
      float sum = 0;
      for (std::size_t i = begin; i < begin + 8; ++i) {
        EXPECT_GE(row[i], 0.0f);
        sum += row[i];
      }
      EXPECT_NEAR(sum, 1.0f, 1e-5);
    }
  }
}

class SeededEncoder : public testing::Test {
 protected:
  SeededEncoder() : encoder_(backend(), config()) {
    RandomStream random(7, StreamPurpose::kInit);
    encoder_.initialize(random);
  }
  /// Without the softmax at the end, differences show undamped.
  static EncoderConfig config() {
    EncoderConfig config;
    config.simplicial = false;
    return config;
  }

  GraphTransformer encoder_;
};

TEST_F(SeededEncoder, ABatchGivesWhatItsGraphsGiveAlone) {
  const std::vector<GraphObservation> graphs = {
      graph_observation(5, "a"), graph_observation(7, "b"), graph_observation(4, "c")};
  const Encoded together(encoder_, graphs);
  std::int64_t first = 0;
  for (std::size_t g = 0; g < graphs.size(); ++g) {
    const Encoded alone(encoder_, {graphs[g]});
    expect_close(together.token(static_cast<std::int64_t>(g)), alone.token(0));
    for (int n = 0; n < graphs[g].num_nodes(); ++n) {
      expect_close(together.node(first + n), alone.node(n));
    }
    first += graphs[g].num_nodes();
  }
}

TEST_F(SeededEncoder, AChangeInOneGraphStaysInIt) {
  std::vector<GraphObservation> graphs = {graph_observation(5, "a"), graph_observation(7, "b"),
                                          graph_observation(4, "c")};
  const Encoded before(encoder_, graphs);
  graphs[1] = graph_observation(7, "other");
  const Encoded after(encoder_, graphs);
  EXPECT_EQ(before.token(0), after.token(0));
  EXPECT_EQ(before.token(2), after.token(2));
  EXPECT_NE(before.token(1), after.token(1));
  for (const std::int64_t node : {0, 4, 12, 15}) EXPECT_EQ(before.node(node), after.node(node));
  for (const std::int64_t node : {5, 11}) EXPECT_NE(before.node(node), after.node(node));
}

TEST_F(SeededEncoder, EdgesActOnTheNodesTheyName) {
  // Without token edges, messages travel along the path only, one edge per layer and forwards.
  GraphObservation path = graph_observation(3, "path");
  const Encoded before(encoder_, {path}, Connectivity::kNone);
  path.node_features.back() += 1.0f;
  const Encoded last(encoder_, {path}, Connectivity::kNone);
  EXPECT_EQ(before.node(0), last.node(0));
  EXPECT_EQ(before.node(1), last.node(1));
  EXPECT_NE(before.node(2), last.node(2));
  path.node_features.back() -= 1.0f;
  path.node_features.front() += 1.0f;
  const Encoded first(encoder_, {path}, Connectivity::kNone);
  EXPECT_NE(before.node(0), first.node(0));
  EXPECT_NE(before.node(1), first.node(1));
  EXPECT_NE(before.node(2), first.node(2)) << "the last node is reached by its own edge";
}

TEST_F(SeededEncoder, TheLastNodeReachesTheNodesItPointsTo) {
  GraphObservation o = graph_observation(4, "back");
  std::swap(o.edge_source, o.edge_target);  // every edge now leaves the later node
  const Encoded before(encoder_, {o}, Connectivity::kNone);
  o.node_features.back() += 1.0f;
  const Encoded after(encoder_, {o}, Connectivity::kNone);
  for (const std::int64_t node : {0, 1, 2, 3}) EXPECT_NE(before.node(node), after.node(node));
}

TEST_F(SeededEncoder, TokenConnectivityDecidesWhoHearsTheToken) {
  const GraphObservation base = graph_observation(4, "base");
  GraphObservation other_nodes = base, other_token = base;
  other_nodes.node_features.front() += 1.0f;
  other_token.graph_features.front() += 1.0f;
  struct Expectation {
    Connectivity connectivity;
    bool token_hears_nodes, nodes_hear_token;
  };
  for (const auto& [connectivity, token_hears_nodes, nodes_hear_token] :
       {Expectation{Connectivity::kNone, false, false},
        {Connectivity::kIn, true, false},
        {Connectivity::kBoth, true, true}}) {
    const Encoded before(encoder_, {base}, connectivity);
    EXPECT_EQ(before.token(0) != Encoded(encoder_, {other_nodes}, connectivity).token(0),
              token_hears_nodes);
    const Encoded heard(encoder_, {other_token}, connectivity);
    EXPECT_EQ(before.node(3) != heard.node(3), nodes_hear_token);
    EXPECT_NE(before.token(0), heard.token(0));
  }
}

TEST(GraphBatch, CountsTheEdgesOfEachConnectivity) {
  const std::vector<GraphObservation> graphs = {graph_observation(5, "a"),
                                                graph_observation(2, "b")};
  EXPECT_EQ(batch_of(backend(), graphs, Connectivity::kNone).index.edges, 5 + 1);
  EXPECT_EQ(batch_of(backend(), graphs, Connectivity::kIn).index.edges, 6 + 7);
  EXPECT_EQ(batch_of(backend(), graphs, Connectivity::kBoth).index.edges, 6 + 14);
}

std::string refusal(const GraphObservation& graph) {
  try {
    batch_of(backend(), {graph_observation(3, "good"), graph});
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(GraphBatch, RefusesAGraphWithoutNodes) {
  EXPECT_EQ(refusal({}), "[graph_batch] a graph without nodes has nothing to decide");
}

TEST(GraphBatch, RefusesFeaturesOfOtherWidthsThanTheEncoders) {
  GraphObservation nodes = graph_observation(12, "nodes"), whole = nodes, edges = nodes;
  nodes.node_width = 12;
  whole.graph_features.push_back(0.0f);
  edges.edge_features.pop_back();
  EXPECT_EQ(refusal(nodes), "[graph_batch] 12 features of a node for an encoder that reads 11");
  EXPECT_EQ(refusal(whole), "[graph_batch] 20 features of a graph for an encoder that reads 19");
  EXPECT_EQ(refusal(edges), "[graph_batch] 35 features of all edges for an encoder that reads 36");
}

TEST(GraphBatch, ASingleCellWithoutAnyEdgeTrains) {
  RandomStream random(3, StreamPurpose::kInit);
  GraphTransformer encoder = make_encoder();
  encoder.initialize(random);
  const GraphBatch batch = batch_of(backend(), {graph_observation(1, "one")}, Connectivity::kNone);
  ASSERT_EQ(batch.index.edges, 0);
  const Tensor y = encoder.forward(batch);
  const std::vector<float> c(static_cast<std::size_t>(y.numel()), 1.0f);
  backward({{y, Tensor::from_host(backend(), y.shape(), c)}});
  for (const NamedTensor& p : encoder.parameters()) {
    const std::vector<float> g = p.tensor.grad().to_host();
    EXPECT_TRUE(std::all_of(g.begin(), g.end(), [](float v) { return std::isfinite(v); }))
        << p.name;
    const bool reads_edges = p.name.starts_with("edge_mlp");
    EXPECT_TRUE(!reads_edges || g == std::vector<float>(g.size())) << p.name;
  }
}

TEST(ActorCriticBatching, LogitsAndValuesDoNotDependOnTheBatch) {
  ActorCriticConfig config;
  config.value_components = 6;
  config.continuous_dims = 4;
  GraphActorCritic network(backend(), config);
  fill_closed_form(network);
  const NoGradGuard no_grad;
  const std::vector<GraphObservation> graphs = {
      graph_observation(5, "a"), graph_observation(7, "b"), graph_observation(4, "c")};
  const PolicyOutput together = network.forward(states_of(network, graphs));
  EXPECT_EQ(together.logits.shape(), (Shape{16, 2}));
  EXPECT_EQ(together.gaussian.shape(), (Shape{16, 8}));
  ASSERT_EQ(together.values.shape(), (Shape{3, 6}));
  std::vector<float> logits, spawn, values;
  for (const GraphObservation& graph : graphs) {
    const PolicyOutput alone = network.forward(states_of(network, {graph}));
    const std::vector<float> l = alone.logits.to_host(), v = alone.values.to_host();
    const std::vector<float> p = alone.gaussian.to_host();
    spawn.insert(spawn.end(), p.begin(), p.end());
    logits.insert(logits.end(), l.begin(), l.end());
    values.insert(values.end(), v.begin(), v.end());
  }
  expect_close(together.logits.to_host(), logits);
  expect_close(together.gaussian.to_host(), spawn);
  expect_close(together.values.to_host(), values);
}

}  // namespace
}  // namespace frost
