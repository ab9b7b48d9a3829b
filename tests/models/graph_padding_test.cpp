#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "kernels/backend_registry.h"
#include "models/policies/graph_actor_critic.h"
#include "tests/models/graph_fixture.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

TEST(BucketSize, IsOneOfEightBetweenPowersOfTwo) {
  EXPECT_EQ(bucket_size(1), 8);
  EXPECT_EQ(bucket_size(8), 8);
  EXPECT_EQ(bucket_size(9), 16);
  EXPECT_EQ(bucket_size(127), 128);
  EXPECT_EQ(bucket_size(129), 144);
  EXPECT_EQ(bucket_size(1500), 1536);
  EXPECT_EQ(bucket_size(2048), 2048);
  for (std::int64_t n = 1; n < 5000; ++n) {
    ASSERT_GE(bucket_size(n), n);
    ASSERT_LE(bucket_size(n), n + std::max<std::int64_t>(7, n / 8)) << n;
    ASSERT_EQ(bucket_size(bucket_size(n)), bucket_size(n));
  }
}

TEST(GraphPadding, ImagesArePaddedToFewSizesFinelyWhereTheyAreFew) {
  std::set<std::int64_t> sizes;
  for (std::int64_t n = 1; n <= 2048; ++n) {
    const std::int64_t padded = padded_images(n);
    sizes.insert(padded);
    ASSERT_GE(padded, n);
    ASSERT_EQ(padded_images(padded), padded);
    if (n <= 512) {
      ASSERT_EQ(padded, n <= 64 ? (n + 7) / 8 * 8 : (n + 31) / 32 * 32);
    } else {
      ASSERT_LE(padded, n + n / 8) << n;
    }
  }
  EXPECT_EQ(sizes.size(), 38U);
}

TEST(GraphPadding, TheCpuPadsNothingUnasked) {
  EXPECT_EQ(preferred_padding(cpu_backend()), BatchPadding::kNone);
}

const std::vector<GraphObservation>& colonies() {
  static const std::vector<GraphObservation> all = {
      graph_observation(5, "a"), graph_observation(1, "b"), graph_observation(9, "c")};
  return all;
}

TEST(GraphPadding, ShapesOfSimilarBatchesAgree) {
  Backend& backend = cpu_backend();
  std::vector<const GraphObservation*> first, second;
  for (const GraphObservation& o : colonies()) first.push_back(&o);
  const GraphObservation smaller = graph_observation(8, "d");
  second = {first[0], first[1], &smaller};
  const auto batch = [&](const std::vector<const GraphObservation*>& observations) {
    return make_graph_batch(backend, observations, EncoderConfig{}, BatchPadding::kBuckets);
  };
  const GraphBatch a = batch(first), b = batch(second);
  EXPECT_EQ(a.nodes, 16);
  EXPECT_EQ(b.nodes, 16);
  EXPECT_EQ(a.index.edges, 48);
  EXPECT_EQ(a.edge_features.shape(), b.edge_features.shape());
  EXPECT_EQ(a.action_mask.numel(), 2 * 16);
  EXPECT_EQ(a.offsets.numel(), 4) << "the colonies keep their own nodes";
}

/// Outputs of the rows that belong to states, and the gradients of all parameters from them.
struct Answer {
  std::vector<float> logits, gaussian, values;
  std::map<std::string, std::vector<float>> gradients;
};

Answer answer(GraphActorCritic& network, BatchPadding padding) {
  const std::vector<Observation> observations(colonies().begin(), colonies().end());
  std::vector<const Observation*> pointers;
  for (const Observation& o : observations) pointers.push_back(&o);
  const StateBatch batch = network.make_batch(pointers, padding);
  EXPECT_EQ(batch.padded_rows, padding == BatchPadding::kNone ? 0 : 16);
  for (NamedTensor& p : network.parameters()) p.tensor.zero_grad();
  const PolicyOutput out = network.forward(batch);
  constexpr std::int64_t kRows = 15;
  const Tensor logits = narrow_rows(out.logits, 0, kRows);
  const Tensor gaussian = narrow_rows(out.gaussian, 0, kRows);
  const auto slope = [](const Tensor& t, const std::string& name) {
    return Tensor::from_host(t.backend(), t.shape(),
                             closed_form_values(name, static_cast<std::size_t>(t.numel()), 1.0));
  };
  backward({{logits, slope(logits, "logits")},
            {gaussian, slope(gaussian, "gaussian")},
            {out.values, slope(out.values, "values")}});
  Answer a{logits.to_host(), gaussian.to_host(), out.values.to_host(), {}};
  for (const NamedTensor& p : network.parameters()) {
    if (p.tensor.grad().defined()) a.gradients[p.name] = p.tensor.grad().to_host();
  }
  return a;
}

TEST(GraphPadding, ReachesNeitherOutputsNorGradients) {
  ActorCriticConfig config;
  config.value_components = 6;
  config.encoder.num_layers = 2;
  config.continuous_dims = 4;
  config.backbone.freeze_mode = "until_layer3";
  GraphActorCritic network(cpu_backend(), config);
  fill_closed_form(network);
  const Answer plain = answer(network, BatchPadding::kNone);
  const Answer padded = answer(network, BatchPadding::kBuckets);
  const auto close = [](const std::vector<float>& got, const std::vector<float>& want) {
    return relative_error(got, as_reals(want));
  };
  // Other sizes of matrix products round differently.
  EXPECT_LE(close(padded.logits, plain.logits), 1e-5);
  EXPECT_LE(close(padded.gaussian, plain.gaussian), 1e-5);
  EXPECT_LE(close(padded.values, plain.values), 1e-5);
  ASSERT_EQ(padded.gradients.size(), plain.gradients.size());
  for (const auto& [name, want] : plain.gradients) {
    const std::vector<float>& got = padded.gradients.at(name);
    if (!name.ends_with(".key.bias")) {
      EXPECT_LE(close(got, want), 2e-5) << name;
      continue;
    }
    // Softmax does not see a key's bias: its gradient is zero but for rounding, on the scale of the
    // query's.
    std::string query = name;
    query.replace(query.find(".key."), 5, ".query.");
    const auto norm = [](const std::vector<float>& v) {
      return relative_error(v, Reals(v.size(), 0.0));
    };
    EXPECT_LE(norm(got), 2e-5 * norm(plain.gradients.at(query))) << name;
  }
}

}  // namespace
}  // namespace frost
