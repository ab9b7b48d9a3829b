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

}  // namespace
}  // namespace frost
