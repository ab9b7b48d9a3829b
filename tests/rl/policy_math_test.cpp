#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "engine/policy_ops.h"
#include "tests/op_table/op_cases.h"

// Exact values of the policy's distributions and losses (docs/durotaxis.md, "Training"), through
// the public ops.
namespace frost {
namespace {

Backend& backend() {
  return *test_backends().front();
}

Tensor floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from_host(backend(), shape, values);
}
Tensor ints(const std::vector<std::int32_t>& values) {
  return Tensor::from_host(backend(), std::span<const std::int32_t>(values));
}
Tensor mask_of(const std::vector<std::uint8_t>& values) {
  return Tensor::from_host(backend(), std::span<const std::uint8_t>(values));
}

struct Decision {
  float logp, entropy;
};

Decision evaluate(float spawn, float remove, std::int32_t action, bool may_spawn = true,
                  bool may_remove = true) {
  const Tensor y = evaluate_categorical(floats({1, 2}, {spawn, remove}),
                                        mask_of({may_spawn, may_remove}), ints({action}));
  const std::vector<float> v = y.to_host();
  return {v[0], v[1]};
}

TEST(Categorical, LogProbabilitiesAndEntropyAreExact) {
  EXPECT_NEAR(evaluate(1.2f, -0.3f, 0).logp, -0.20141328, 1e-6);
  EXPECT_NEAR(evaluate(1.2f, -0.3f, 1).logp, -1.70141328, 1e-6);
  EXPECT_NEAR(evaluate(1.2f, -0.3f, 1).entropy, 0.47505156, 1e-6);
}

TEST(Categorical, TheInitialBiasAloneGivesTheKnownSpawnProbability) {
  EXPECT_NEAR(std::exp(evaluate(0.2f, 0.0f, 0).logp), 0.54983400, 1e-6);
  EXPECT_NEAR(std::exp(evaluate(0.2f, 0.0f, 1).logp), 0.45016600, 1e-6);
  EXPECT_NEAR(evaluate(0.2f, 0.0f, 0).entropy, 0.68817207, 1e-6);
}

TEST(Categorical, AForbiddenActionHasProbabilityExactlyZero) {
  const Decision spawn = evaluate(1.2f, -0.3f, 0, true, false);
  EXPECT_EQ(spawn.logp, 0.0f);
  EXPECT_EQ(spawn.entropy, 0.0f);
  EXPECT_EQ(evaluate(1.2f, -0.3f, 1, true, false).logp, -INFINITY);
  EXPECT_EQ(evaluate(90.0f, -90.0f, 1, false, true).logp, 0.0f);
}

TEST(Categorical, ExtremeLogitsStayFinite) {
  EXPECT_EQ(evaluate(1000.0f, -1000.0f, 0).logp, 0.0f);
  EXPECT_EQ(evaluate(1000.0f, -1000.0f, 1).logp, -2000.0f);
  EXPECT_NEAR(evaluate(1000.0f, -1000.0f, 0).entropy, 0.0, 1e-30);
}

TEST(Categorical, ANonFiniteLogitIsNotHidden) {
  EXPECT_TRUE(std::isnan(evaluate(NAN, 0.0f, 0).logp));
}

TEST(Gaussian, TheLogDensityOfTheRawSampleIsExact) {
  std::vector<float> params{0.3f, -0.2f, 0.0f, 0.1f};
  for (const float sigma : {1.0f, 0.5f, 0.8f, 0.6f}) params.push_back(std::log(sigma));
  const Tensor y = evaluate_gaussian(floats({1, 8}, params), floats({1, 4}, {.7f, .1f, -.4f, .5f}));
  EXPECT_NEAR(y.to_host()[0], -2.85586000, 2e-6);
}

TEST(Gaussian, TheLogDensityOfEachDimensionIsExact) {
  struct Row {
    float mean, sigma, u;
    double logp;
  };
  for (const Row& r : {Row{.3f, 1.0f, .7f, -.99893853}, Row{-.2f, .5f, .1f, -.40579135},
                       Row{0, .8f, -.4f, -.82079498}, Row{.1f, .6f, .5f, -.63033513}}) {
    const Tensor y =
        evaluate_gaussian(floats({1, 2}, {r.mean, std::log(r.sigma)}), floats({1, 1}, {r.u}));
    EXPECT_NEAR(y.to_host()[0], r.logp, 1e-6);
  }
}

TEST(Gaussian, EntropiesAreExact) {
  const Tensor params = floats({2, 2}, {0.0f, 0.0f, 3.0f, std::log(0.5f)});
  const std::vector<float> y = evaluate_gaussian(params, floats({2, 1}, {0, 0})).to_host();
  EXPECT_NEAR(y[1], 1.41893853, 1e-6);
  EXPECT_NEAR(y[3], 0.72579135, 1e-6);
}

TEST(Gaussian, TheDeviationHasAFloorAndACeiling) {
  const Tensor params = floats({2, 2}, {0.0f, -50.0f, 0.0f, 50.0f});
  const std::vector<float> y = evaluate_gaussian(params, floats({2, 1}, {0, 0})).to_host();
  EXPECT_NEAR(y[0], -std::log(1e-3 * std::sqrt(2 * std::numbers::pi)), 1e-5);
  EXPECT_NEAR(y[2], -std::log(2.0 * std::sqrt(2 * std::numbers::pi)), 1e-6);
}

/// The four outputs for one state whose cells have these log-ratios.
std::vector<float> surrogate(const std::vector<float>& log_ratios, float advantage,
                             SurrogateRatio ratio = SurrogateRatio::kPerNode,
                             float epsilon = 0.1f) {
  const auto cells = static_cast<std::int64_t>(log_ratios.size());
  std::vector<float> evaluation, old_logp;
  for (const float log_ratio : log_ratios) {
    old_logp.push_back(-0.5f);
    evaluation.insert(evaluation.end(), {log_ratio - 0.5f, 0.25f});
  }
  const SurrogateInputs inputs{ints({0, static_cast<std::int32_t>(cells)}),
                               floats({cells}, old_logp), floats({1}, {advantage}), epsilon, ratio};
  return ppo_surrogate(floats({cells, 2}, evaluation), inputs).to_host();
}

TEST(PpoSurrogate, ClippedLossesAreExact) {
  EXPECT_NEAR(surrogate({0.0f}, 1.0f)[0], -1.0, 1e-6);
  EXPECT_NEAR(surrogate({0.2f}, 1.0f)[0], -1.1, 1e-6);
  EXPECT_NEAR(surrogate({0.2f}, -1.0f)[0], 1.22140276, 1e-6);
  EXPECT_NEAR(surrogate({-0.2f}, 1.0f)[0], -0.81873075, 1e-6);
  EXPECT_NEAR(surrogate({-0.2f}, -1.0f)[0], 0.9, 1e-6);
  EXPECT_NEAR(surrogate({std::log(1.05f)}, 2.0f)[0], -2.1, 1e-6);
}

TEST(PpoSurrogate, TheThreeRatiosDifferAsDefined) {
  // A limit of 10 lets the ratio itself show.
  const std::vector<float> cells{0.1f, 0.3f};
  EXPECT_NEAR(surrogate(cells, 1.0f, SurrogateRatio::kJoint, 10.0f)[0], -1.49182470, 1e-6);
  EXPECT_NEAR(surrogate(cells, 1.0f, SurrogateRatio::kMeanLogp, 10.0f)[0], -1.22140276, 1e-6);
  const double per_node = (std::exp(0.1) + std::exp(0.3)) / 2;
  EXPECT_NEAR(surrogate(cells, 1.0f, SurrogateRatio::kPerNode, 10.0f)[0], -per_node, 1e-6);
}

TEST(PpoSurrogate, KlIsTheK3Estimate) {
  EXPECT_NEAR(surrogate({0.1f}, 1.0f)[2], 0.00517092, 1e-8);
  EXPECT_NEAR(surrogate({-0.1f}, 1.0f)[2], 0.00483742, 1e-8);
  EXPECT_NEAR(surrogate({0.3f}, 1.0f)[2], 0.04985881, 1e-7);
  EXPECT_EQ(surrogate({0.0f}, 1.0f)[2], 0.0f);
}

TEST(PpoSurrogate, ClipFractionCountsRatiosOutsideTheLimit) {
  EXPECT_NEAR(surrogate({0.0f, 0.05f, 0.2f, -0.2f}, 1.0f)[3], 0.5, 1e-6);
  EXPECT_EQ(surrogate({0.05f, 0.06f}, 1.0f, SurrogateRatio::kJoint)[3], 1.0f);
}

TEST(PpoSurrogate, AStateCountsOnceHoweverManyCellsItHas) {
  const SurrogateInputs inputs{ints({0, 1, 4}), floats({4}, {0, 0, 0, 0}), floats({2}, {1, 3})};
  const Tensor y = ppo_surrogate(floats({4, 2}, {0, 0.2f, 0, 0.4f, 0, 0.4f, 0, 0.4f}), inputs);
  EXPECT_NEAR(y.to_host()[0], -2.0, 1e-6);
  EXPECT_NEAR(y.to_host()[1], 0.3, 1e-6);
}

TEST(PpoSurrogate, NoGradientPassesWhereTheClipActs) {
  Tensor evaluation = floats({3, 2}, {0.2f, 0.0f, -0.2f, 0.0f, 0.2f, 0.0f});
  evaluation.set_requires_grad(true);
  const SurrogateInputs inputs{ints({0, 1, 2, 3}), floats({3}, {0, 0, 0}), floats({3}, {1, 1, -1})};
  backward({{ppo_surrogate(evaluation, inputs), floats({4}, {1, 0, 0, 0})}});
  const std::vector<float> g = evaluation.grad().to_host();
  EXPECT_EQ(g[0], 0.0f) << "a good action that became too likely";
  EXPECT_NEAR(g[2], -std::exp(-0.2) / 3, 1e-6);
  EXPECT_NEAR(g[4], std::exp(0.2) / 3, 1e-6);
}

TEST(Entropy, ItsBonusFlattensThePolicy) {
  Tensor logits = floats({1, 2}, {1.2f, -0.3f});
  logits.set_requires_grad(true);
  const Tensor evaluation = evaluate_categorical(logits, mask_of({1, 1}), ints({0}));
  const SurrogateInputs inputs{ints({0, 1}), floats({1}, {0.0f}), floats({1}, {0.0f})};
  const Tensor loss = ppo_surrogate(evaluation, inputs);
  EXPECT_NEAR(loss.to_host()[1], 0.47505156, 1e-6);
  // The loss holds minus the entropy: a step down its gradient brings the logits together.
  backward({{loss, floats({4}, {0, -1, 0, 0})}});
  const std::vector<float> g = logits.grad().to_host();
  EXPECT_GT(g[0], 0.1f);
  EXPECT_LT(g[1], -0.1f);
  EXPECT_NEAR(g[0] + g[1], 0.0, 1e-7);
}

/// The loss and its derivative by the value.
std::pair<float, float> value_of(float value, float old_value, float target,
                                 ValueLossKind kind = ValueLossKind::kClipped, float range = 0.2f) {
  const ValueLossInputs inputs{floats({1, 1}, {old_value}), floats({1, 1}, {target}),
                               floats({1}, {1.0f}), kind, range};
  Tensor v = floats({1, 1}, {value});
  v.set_requires_grad(true);
  const Tensor loss = value_loss(v, inputs);
  const float result = loss.to_host()[1];
  backward({{loss, floats({2}, {1, 0})}});
  return {result, v.grad().to_host()[0]};
}

TEST(ValueLoss, ClippedLossesAreExact) {
  EXPECT_NEAR(value_of(1.5f, 1.0f, 2.0f).first, 0.64, 1e-6);
  EXPECT_EQ(value_of(1.5f, 1.0f, 2.0f).second, 0.0f) << "the change is cut off";
  EXPECT_NEAR(value_of(0.5f, 1.0f, 2.0f).first, 2.25, 1e-6);
  EXPECT_NEAR(value_of(0.5f, 1.0f, 2.0f).second, -3.0, 1e-6) << "the worse of the two";
  EXPECT_NEAR(value_of(1.1f, 1.0f, 2.0f).first, 0.81, 1e-6);
  EXPECT_NEAR(value_of(1200.0f, 1000.0f, 1500.0f).first / 249800.04, 1.0, 1e-6);
}

TEST(ValueLoss, WithoutClippingItIsTheSquaredError) {
  const auto [loss, slope] = value_of(1.5f, 1.0f, 2.0f, ValueLossKind::kSquared);
  EXPECT_NEAR(loss, 0.25, 1e-7);
  EXPECT_NEAR(slope, -1.0, 1e-7);
}

TEST(ValueLoss, HubersIsSquareNearTheReturnAndLinearFarFromIt) {
  const auto huber = [](float value) {
    return value_of(value, 9.0f, 2.0f, ValueLossKind::kHuber, 0.5f);
  };
  EXPECT_NEAR(huber(1.6f).first, 0.16, 1e-6);
  EXPECT_NEAR(huber(1.6f).second, -0.8, 1e-6);
  EXPECT_NEAR(huber(1.5f).first, 0.25, 1e-6) << "both pieces meet";
  EXPECT_NEAR(huber(-1.0f).first, 0.5 * (2 * 3 - 0.5), 1e-6);
  EXPECT_NEAR(huber(-1.0f).second, -1.0, 1e-6);
  EXPECT_NEAR(huber(12.0f).second, 1.0, 1e-6);
}

// A clamp by fminf and fmaxf would replace a NaN by one of the limits.
TEST(NotFinite, ANumberThatIsNanIsNotHiddenByAClamp) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const ValueLossKind kind :
       {ValueLossKind::kClipped, ValueLossKind::kSquared, ValueLossKind::kHuber}) {
    EXPECT_TRUE(std::isnan(value_of(nan, 1.0f, 2.0f, kind).first));
  }
  const std::vector<float> y =
      evaluate_gaussian(floats({1, 2}, {0.5f, nan}), floats({1, 1}, {0.2f})).to_host();
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_TRUE(std::isnan(y[1]));
}

TEST(ValueLoss, ComponentsAreWeightedAfterTheirMean) {
  const ValueLossInputs inputs{floats({2, 2}, {0, 0, 0, 0}), floats({2, 2}, {1, 2, 3, 4}),
                               floats({2}, {1.0f, 0.4f})};
  const std::vector<float> y = value_loss(floats({2, 2}, {0, 0, 0, 0}), inputs).to_host();
  EXPECT_NEAR(y[1], 5.0, 1e-6);
  EXPECT_NEAR(y[2], 10.0, 1e-6);
  EXPECT_NEAR(y[0], 9.0, 1e-6);
}

}  // namespace
}  // namespace frost
