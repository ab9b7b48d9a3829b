#include "models/policies/mlp_actor_critic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"

namespace frost {
namespace {

/// m m^T of a [rows, cols] matrix, or m^T m with `by_columns`.
std::vector<double> gram(const std::vector<float>& m, std::size_t rows, std::size_t cols,
                         bool by_columns) {
  const std::size_t n = by_columns ? cols : rows, length = by_columns ? rows : cols;
  const auto at = [&](std::size_t i, std::size_t k) {
    return static_cast<double>(by_columns ? m[k * cols + i] : m[i * cols + k]);
  };
  std::vector<double> g(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < length; ++k) g[i * n + j] += at(i, k) * at(j, k);
    }
  }
  return g;
}

TEST(Orthogonal, TheShorterSideIsOrthogonalAndOfTheGainsLength) {
  RandomStream random(3, StreamPurpose::kInit);
  for (const auto& [out, in] : {std::pair{64, 64}, {4, 64}, {64, 4}, {1, 64}, {1, 1}}) {
    const double gain = std::sqrt(2.0);
    Tensor weight = make_parameter(cpu_backend(), {out, in});
    orthogonal(weight, gain, random);
    const auto rows = static_cast<std::size_t>(out), cols = static_cast<std::size_t>(in);
    const std::size_t n = std::min(rows, cols);
    const std::vector<double> g = gram(weight.to_host(), rows, cols, out > in);
    for (std::size_t i = 0; i < n * n; ++i) {
      EXPECT_NEAR(g[i], i % (n + 1) == 0 ? gain * gain : 0.0, 2e-6) << out << "x" << in << " " << i;
    }
  }
}

TEST(Orthogonal, NoSignOrDirectionIsPreferred) {
  RandomStream random(4, StreamPurpose::kInit);
  double sum = 0, squares = 0;
  constexpr int kDraws = 400;
  for (int draw = 0; draw < kDraws; ++draw) {
    Tensor weight = make_parameter(cpu_backend(), {3, 3});
    orthogonal(weight, 1.0, random);
    const double corner = weight.to_host()[8];
    sum += corner / kDraws;
    squares += corner * corner / kDraws;
  }
  EXPECT_NEAR(sum, 0.0, 4 * std::sqrt(1.0 / 3 / kDraws));
  EXPECT_NEAR(squares, 1.0 / 3, 0.06);
}

ActorCriticConfig config_of(int rows, int choices, int dims) {
  ActorCriticConfig config;
  config.observation = ObservationKind::kVector;
  config.vector_size = 3;
  config.rows = rows;
  config.choices = choices;
  config.continuous_dims = dims;
  config.mlp_hidden = {8, 5};
  return config;
}

/// Two observations and the batch of them.
struct Fixture {
  explicit Fixture(const ActorCriticConfig& config) : network(cpu_backend(), config) {
    RandomStream random(1, StreamPurpose::kInit);
    network.initialize(random, true);
  }
  PolicyOutput forward() { return network.forward(network.make_batch({&first, &second})); }

  const Observation first = VectorObservation{{0.5f, -1.0f, 2.0f}};
  const Observation second = VectorObservation{{0.0f, 3.0f, -0.5f}};
  MlpActorCritic network;
};

TEST(MlpActorCritic, HasTheOutputsThatTheActionSpaceAsksFor) {
  for (const auto& [rows, choices, dims] : {std::tuple{1, 2, 0}, {1, 0, 1}, {3, 4, 0}, {2, 3, 2}}) {
    Fixture f(config_of(rows, choices, dims));
    const PolicyOutput out = f.forward();
    EXPECT_EQ(out.values.shape(), (Shape{2, 1}));
    const auto shape_of = [states_and_rows = 2 * rows](const Tensor& t) {
      return t.defined() ? t.shape() : Shape{states_and_rows, 0};
    };
    EXPECT_EQ(shape_of(out.logits), (Shape{2 * rows, choices}));
    EXPECT_EQ(shape_of(out.gaussian), (Shape{2 * rows, 2 * dims}));
  }
}

TEST(MlpActorCritic, StartsAsAPolicyThatHardlyPrefersAnything) {
  Fixture f(config_of(1, 2, 2));
  const PolicyOutput out = f.forward();
  for (const float logit : out.logits.to_host()) EXPECT_LT(std::abs(logit), 0.05f);
  const std::vector<float> gaussian = out.gaussian.to_host();
  for (const std::size_t log_std : {2u, 3u, 6u, 7u}) EXPECT_EQ(gaussian[log_std], 0.0f);
}

TEST(MlpActorCritic, ComputesWhatItsWeightsSay) {
  Fixture f(config_of(1, 2, 0));
  std::vector<double> x{0.5, -1.0, 2.0};
  const std::vector<NamedTensor> parameters = f.network.parameters();
  for (const std::string layer : {"critic.hidden.0", "critic.hidden.1", "critic.value"}) {
    std::vector<float> weight, bias;
    for (const NamedTensor& p : parameters) {
      if (p.name == layer + ".weight") weight = p.tensor.to_host();
      if (p.name == layer + ".bias") bias = p.tensor.to_host();
    }
    std::vector<double> y(bias.begin(), bias.end());
    ASSERT_FALSE(y.empty()) << layer;
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight[o * x.size() + i] * x[i];
      if (layer != "critic.value") y[o] = std::tanh(y[o]);
    }
    x = y;
  }
  EXPECT_NEAR(f.forward().values.to_host()[0], x[0], 1e-6);
}

// Every parameter is reached by a gradient of its own side, the deviation once for all states.
TEST(MlpActorCritic, GradientsReachBothSidesAndTheDeviation) {
  Fixture f(config_of(2, 3, 2));
  const PolicyOutput out = f.forward();
  const auto ones = [](const Tensor& t) {
    return Tensor::from_host(cpu_backend(), t.shape(),
                             std::vector<float>(static_cast<std::size_t>(t.numel()), 1.0f));
  };
  backward({{out.logits, ones(out.logits)},
            {out.gaussian, ones(out.gaussian)},
            {out.values, ones(out.values)}});
  for (const NamedTensor& p : f.network.parameters()) {
    ASSERT_TRUE(p.tensor.grad().defined()) << p.name;
    if (p.name != "actor.log_std") continue;
    for (const float g : p.tensor.grad().to_host()) EXPECT_EQ(g, 2.0f) << "one per state";
  }
}

TEST(MlpActorCritic, RefusesOtherObservationsByName) {
  Fixture f(config_of(1, 2, 0));
  const Observation image = PictureObservation{{1, 2, 3}, {}}, shorter = VectorObservation{{1.0f}};
  const auto problem = [&](const Observation& o) {
    try {
      f.network.make_batch({&o});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(problem(image), "[vector_batch] the observation is not a vector");
  EXPECT_EQ(problem(shorter), "[vector_batch] an observation of 1 values for a network of 3");
}

}  // namespace
}  // namespace frost
