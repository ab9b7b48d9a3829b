#include <gtest/gtest.h>

#include "engine/optim/adam.h"
#include "tests/engine/errors.h"
#include "tests/op_table/op_cases.h"

// Backward passes through tensors that changed in place after the forward pass.
namespace frost {
namespace {

class SavedVersions : public testing::Test {
 protected:
  Tensor leaf(const Shape& shape, const std::string& name, bool trains = true) const {
    Tensor t = Tensor::from_host(backend_, shape, case_input("saved", name, shape).values);
    t.set_requires_grad(trains);
    return t;
  }
  ConvBatchNorm layer(bool trains) const {
    ConvBatchNorm l;
    l.pad = 1;
    l.weight = leaf({16, 3, 3, 16}, "weight", trains);
    l.gamma = leaf({16}, "gamma", false), l.beta = leaf({16}, "beta", false);
    l.mean = leaf({16}, "mean", false);
    l.var = Tensor::from_host(backend_, {16}, std::vector<float>(16, 1.0f));
    return l;
  }
  void go_back(const Tensor& y) const {
    const CaseInput c = case_input("saved", "cotangent", y.shape());
    backward({{y, Tensor::from_host(backend_, c.shape, c.values)}});
  }
  static std::string changed(const std::string& op, const std::string& shape) {
    return "[" + op + "] backward needs a tensor " + shape +
           " that has been modified in place since the forward pass; run backward before the "
           "change, or forward again";
  }

  Backend& backend_ = *test_backends().front();
};

TEST_F(SavedVersions, AChangedInputOrWeightIsRefusedByTheNameOfTheOp) {
  const Tensor x = leaf({2, 3}, "x");
  Tensor w = leaf({4, 3}, "w");
  const Tensor y = linear(x, w, {});
  w.copy_from_host(std::vector<float>(12, 1.0f));
  EXPECT_EQ(error_of([&] { go_back(y); }), changed("linear", "[4,3]"));
  EXPECT_FALSE(x.grad().defined()) << "nothing is touched";
  const Tensor again = linear(x, w, {});
  go_back(again);
  EXPECT_TRUE(x.grad().defined());
}

TEST_F(SavedVersions, WhatWasNotSavedMayChange) {
  const Tensor x = leaf({2, 3}, "x", false);
  Tensor w = leaf({4, 3}, "w");
  const Tensor y = linear(x, w, {});  // needs x alone
  w.copy_from_host(std::vector<float>(12, 1.0f));
  go_back(y);
  EXPECT_TRUE(w.grad().defined());
}

TEST_F(SavedVersions, AnOldConvolutionDoesNotGoBackThroughNewWeights) {
  // The folded weight is renewed in place: the first output's gradient would pass through the
  // second step's weights.
  ConvBatchNorm l = layer(true);
  const Tensor x1 = leaf({1, 5, 5, 16}, "x1"), x2 = leaf({1, 5, 5, 16}, "x2");
  const Tensor y1 = conv_bn(x1, l, {}, true);
  l.weight.set_requires_grad(false);
  const Tensor frozen = conv_bn(x1, l, {}, true);  // saves the folded weight only
  l.weight.set_requires_grad(true);
  Adam adam(std::vector<ParamGroup>{{"all", 0.1, {{"weight", l.weight}}}});
  go_back(conv_bn(x2, l, {}, true));
  adam.step(1.0);
  const Tensor y2 = conv_bn(x2, l, {}, true);
  EXPECT_EQ(error_of([&] { go_back(y1); }), changed("conv_bn", "[16,3,3,16]"));
  EXPECT_EQ(error_of([&] { go_back(frozen); }), changed("conv_bn", "[16,3,3,16]"));
  go_back(y2);
}

TEST_F(SavedVersions, ALayerUsedTwiceInOneStepGoesBack) {
  for (const bool trains : {false, true}) {
    ConvBatchNorm l = layer(trains);
    const Tensor x = leaf({1, 5, 5, 16}, "x");
    go_back(conv_bn(conv_bn(x, l, {}, true), l, {}, true));
    EXPECT_TRUE(x.grad().defined());
  }
}

TEST_F(SavedVersions, StatisticsOfBatchNormAreSavedToo) {
  const Tensor x = leaf({1, 2, 2, 3}, "x");
  const Tensor gamma = leaf({3}, "gamma", false), beta = leaf({3}, "beta", false);
  Tensor mean = leaf({3}, "mean", false);
  const Tensor var = Tensor::from_host(backend_, {3}, std::vector<float>(3, 1.0f));
  const Tensor y = batch_norm(x, gamma, beta, mean, var);
  mean.copy_from_host(std::vector<float>(3, 9.0f));
  EXPECT_EQ(error_of([&] { go_back(y); }), changed("batch_norm", "[3]"));
}

}  // namespace
}  // namespace frost
