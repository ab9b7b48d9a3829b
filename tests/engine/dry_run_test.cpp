#include "engine/dry_run.h"

#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "engine/layers/layers.h"
#include "engine/optim/adam.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

/// Two layers, half frozen, and their optimizer.
struct Learner {
  explicit Learner(Backend& backend) : first(backend, 40, 30), second(backend, 30, 3) {
    first.weight.set_requires_grad(false);
    adam = std::make_unique<Adam>(
        std::vector<ParamGroup>{{"all", 1e-3, {{"bias", first.bias}, {"weight", second.weight}}}});
  }
  void step() {
    adam->zero_grad();
    const Tensor y = second(gelu(first(Tensor::zeros(first.weight.backend(), {50, 40}))));
    backward({{y, Tensor::zeros(y.backend(), y.shape())}});
    adam->step(1.0);
  }

  Linear first, second;
  std::unique_ptr<Adam> adam;
};

TEST(MemoryForecast, IsWhatALaterStepOfAnyModuleTakes) {
  for (Backend* backend : test_backends()) {
    const MemoryLedger::Bytes before = backend->ledger().snapshot();
    const MemoryLedger::Bytes forecast = forecast_memory(*backend, [&] {
      return [learner = std::make_shared<Learner>(*backend)] { learner->step(); };
    });
    EXPECT_EQ(backend->ledger().snapshot().live, before.live) << "nothing stays";
    Learner learner(*backend);
    learner.step();
    backend->ledger().reset_peaks();
    learner.step();
    const MemoryLedger::Bytes real = backend->ledger().snapshot();
    EXPECT_EQ(forecast.peak, real.peak);
    EXPECT_EQ(forecast.live, real.live);
    EXPECT_EQ(forecast.peak_total, real.peak_total);
    EXPECT_EQ(forecast.live_of(MemoryTag::kOptimizer) - before.live_of(MemoryTag::kOptimizer),
              8 * (30 + 90));
    EXPECT_GT(forecast.peak_of(MemoryTag::kSaved), forecast.live_of(MemoryTag::kSaved));
  }
}

TEST(MemoryForecast, ComputesNothingAndEndsTheDryRunWhereTheStepThrows) {
  Backend& backend = *test_backends().front();
  const std::vector<float> ones(4, 1.0f);
  const Tensor x = Tensor::from_host(backend, {4}, ones);
  const auto step = [&] { EXPECT_EQ(add(x, x).to_host(), std::vector<float>(4)); };
  forecast_memory(backend, [&] { return step; });
  const auto throwing = [] { throw std::runtime_error("no"); };
  EXPECT_THROW(forecast_memory(backend, [&] { return throwing; }), std::runtime_error);
  EXPECT_EQ(add(x, x).to_host(), std::vector<float>(4, 2.0f));
}

TEST(MemoryForecast, ALivingLayerComputesAfterwardsAsIfItHadNotBeen) {
  for (Backend* backend : test_backends()) {
    const auto filled = [&](const Shape& shape, float value) {
      return Tensor::from_host(*backend, shape,
                               std::vector<float>(static_cast<std::size_t>(numel(shape)), value));
    };
    const auto layer = [&] {
      ConvBatchNorm l;
      l.weight = filled({4, 1, 1, 4}, 0.5f), l.gamma = filled({4}, 2.0f);
      l.beta = filled({4}, 1.0f), l.mean = filled({4}, 0.0f), l.var = filled({4}, 1.0f);
      l.weight.set_requires_grad(true);
      return l;
    };
    ConvBatchNorm used = layer(), fresh = layer();
    Adam adam({{"all", 0.0, {{"weight", used.weight}}}});
    const Tensor x = filled({2, 3, 3, 4}, 1.0f);
    forecast_memory(*backend, [&] {
      return [&] {
        const Tensor y = conv_bn(x, used, {}, true);
        backward({{y, Tensor::zeros(*backend, y.shape())}});
        adam.step(1.0);
      };
    });
    EXPECT_EQ(conv_bn(x, used, {}, true).to_host(), conv_bn(x, fresh, {}, true).to_host());
    StateDict state;
    adam.save(state);
    EXPECT_EQ(state.at("adam.weight.step").to_int64("").front(), 0);
  }
}

}  // namespace
}  // namespace frost
