#include <gtest/gtest.h>

#include <functional>

#include "engine/ops.h"
#include "tests/op_table/op_cases.h"

// What the tape keeps: bytes tagged as saved, from the ledger.
namespace frost {
namespace {

struct Trains {
  bool x = false, weight = false, gamma = false, beta = false;
};

/// A 3x3 convolution of 16 channels in a network: its input was made by an op below.
class SavedByConvBn : public testing::Test {
 protected:
  /// Bytes that one conv_bn keeps for the backward pass.
  std::int64_t bytes(const Trains& trains, bool relu, bool residual = false) {
    const Tensor below = parameter({2, 7, 5, 16}, trains.x);
    ConvBatchNorm layer;
    layer.pad = 1;
    layer.weight = parameter({16, 3, 3, 16}, trains.weight);
    layer.gamma = parameter({16}, trains.gamma);
    layer.beta = parameter({16}, trains.beta);
    layer.mean = parameter({16}, false);
    layer.var = parameter({16}, false);
    const std::int64_t before = saved();
    const auto run = [&] {
      const Tensor x = add(below, Tensor::zeros(backend_, below.shape()));
      return conv_bn(x, layer, residual ? x : Tensor(), relu);
    };
    const Tensor y = run();
    const std::int64_t kept = saved() - before;
    if (y.requires_grad()) backward({{y, Tensor::zeros(backend_, y.shape())}});
    EXPECT_EQ(saved(), before) << "not released by the backward pass";
    return kept;
  }

  Tensor parameter(const Shape& shape, bool trains) {
    Tensor t = Tensor::zeros(backend_, shape, MemoryTag::kParameters);
    t.set_requires_grad(trains);
    return t;
  }
  std::int64_t saved() const { return backend_.ledger().snapshot().live_of(MemoryTag::kSaved); }

  Backend& backend_ = *test_backends().front();
  static constexpr std::int64_t kOutputs = 2 * 7 * 5 * 16;
  static constexpr std::int64_t kBits = (kOutputs + 31) / 32 * 4;
  static constexpr std::int64_t kInput = kOutputs * 4;
};

TEST_F(SavedByConvBn, NothingWhereNothingTrains) {
  EXPECT_EQ(bytes({}, true), 0);
}

TEST_F(SavedByConvBn, OneBitPerOutputWhereOnlySomethingBelowTrains) {
  EXPECT_EQ(bytes({.x = true}, true), kBits);
  EXPECT_EQ(bytes({.x = true}, true, true), kBits);
}

TEST_F(SavedByConvBn, NothingWhereFrozenWithoutReluAndSomethingBelowTrains) {
  EXPECT_EQ(bytes({.x = true}, false), 0);
}

TEST_F(SavedByConvBn, OneBitPerOutputWhereOnlyBetaTrains) {
  EXPECT_EQ(bytes({.beta = true}, true), kBits);
}

TEST_F(SavedByConvBn, TheInputTooWhereWeightOrGammaTrains) {
  EXPECT_EQ(bytes({.weight = true}, true), kBits + kInput);
  EXPECT_EQ(bytes({.gamma = true}, true), kBits + kInput);
  EXPECT_EQ(bytes({.x = true, .weight = true, .gamma = true, .beta = true}, true), kBits + kInput);
  EXPECT_EQ(bytes({.weight = true}, false), kInput);
}

/// Bytes that the op keeps, and whether they are gone after the pass.
class SavedBytes : public testing::Test {
 protected:
  /// `make` runs the op on tensors made by another op, as in the middle of a network.
  void expect(const std::function<Tensor()>& make, std::int64_t bytes) {
    const std::int64_t before = saved();
    {
      const Tensor y = make();
      EXPECT_EQ(saved() - before, bytes);
      backward({{y, Tensor::zeros(backend_, y.shape())}});
    }
    EXPECT_EQ(saved(), before) << "not released by the backward pass";
  }
  Tensor inner(const Shape& shape) {
    Tensor below = Tensor::zeros(backend_, shape, MemoryTag::kParameters);
    below.set_requires_grad(true);
    return add(below, Tensor::zeros(backend_, shape));
  }
  Tensor frozen(const Shape& shape) {
    return Tensor::zeros(backend_, shape, MemoryTag::kParameters);
  }
  Tensor trained(const Shape& shape) {
    Tensor t = frozen(shape);
    t.set_requires_grad(true);
    return t;
  }
  std::int64_t saved() const { return backend_.ledger().snapshot().live_of(MemoryTag::kSaved); }

  Backend& backend_ = *test_backends().front();
};

TEST_F(SavedBytes, MaxPoolKeepsOneBytePerOutput) {
  expect([&] { return max_pool2d(inner({2, 12, 12, 5}), 3, 2, 1); }, 2 * 6 * 6 * 5);
}

TEST_F(SavedBytes, MaxPoolWithoutAGradientKeepsNothing) {
  const std::int64_t before = saved();
  const Tensor y = max_pool2d(frozen({2, 12, 12, 5}), 3, 2, 1);
  EXPECT_EQ(saved(), before);
}

TEST_F(SavedBytes, AFrozenLinearKeepsNothing) {
  expect([&] { return linear(inner({9, 4}), frozen({3, 4}), frozen({3})); }, 0);
}

TEST_F(SavedBytes, ALinearWithOnlyItsBiasTrainingKeepsNothing) {
  expect([&] { return linear(inner({9, 4}), frozen({3, 4}), trained({3})); }, 0);
}

TEST_F(SavedBytes, ATrainedLinearKeepsItsInput) {
  expect([&] { return linear(inner({9, 4}), trained({3, 4}), trained({3})); }, 9 * 4 * 4);
}

TEST_F(SavedBytes, OpsThatOnlyMoveValuesKeepNothing) {
  expect([&] { return add(inner({3, 4}), inner({3, 4})); }, 0);
  expect([&] { return concat_rows({inner({3, 4}), inner({1, 4})}); }, 0);
  expect([&] { return concat_cols(inner({3, 4}), inner({3, 2})); }, 0);
  expect([&] { return narrow_rows(inner({3, 4}), 1, 1); }, 0);
  expect([&] { return pad_cols(inner({3, 4}), 6); }, 0);
  expect([&] { return pad_rows(inner({3, 4}), 6); }, 0);
  expect([&] { return global_avg_pool(inner({3, 2, 2, 4})); }, 0);
}

TEST_F(SavedBytes, GeluKeepsItsInputSoftmaxAndTanhTheirOutput) {
  expect([&] { return gelu(inner({3, 4})); }, 3 * 4 * 4);
  expect([&] { return add(grouped_softmax(inner({3, 4}), 2, 1.0), frozen({3, 4})); }, 3 * 4 * 4);
  expect([&] { return add(tanh(inner({3, 4})), frozen({3, 4})); }, 3 * 4 * 4);
}

TEST_F(SavedBytes, LayerNormKeepsOnlyWhatItsWantedGradientsRead) {
  expect([&] { return layer_norm(inner({3, 8}), frozen({8}), frozen({8})); }, (3 * 8 + 3 + 3) * 4);
  const std::int64_t before = saved();
  const Tensor y = layer_norm(frozen({3, 8}), frozen({8}), trained({8}));
  EXPECT_TRUE(y.requires_grad());
  EXPECT_EQ(saved(), before) << "the shift's gradient reads nothing but the upstream one";
}

TEST_F(SavedBytes, AGraphThatIsDroppedReleasesWhatItKept) {
  const std::int64_t before = saved();
  {
    const Tensor y = gelu(gelu(inner({16, 16})));
    EXPECT_EQ(saved() - before, 2 * 16 * 16 * 4);
  }
  EXPECT_EQ(saved(), before);
}

TEST_F(SavedBytes, ThePassReleasesEachNodeWhenItIsDone) {
  // A chain of n GELUs keeps n inputs; going back must never hold more than that plus two
  // gradients.
  Tensor y = inner({64, 64});
  const std::int64_t one = 64 * 64 * 4;
  for (int i = 0; i < 20; ++i) y = gelu(y);
  const Tensor cotangent = Tensor::zeros(backend_, y.shape());
  backend_.ledger().reset_peaks();
  const std::int64_t start = backend_.ledger().snapshot().live_total;
  backward({{y, cotangent}});
  EXPECT_LE(backend_.ledger().snapshot().peak_total - start, 2 * one);
}

}  // namespace
}  // namespace frost
