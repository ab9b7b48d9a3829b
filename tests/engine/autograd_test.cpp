#include "engine/autograd.h"

#include <gtest/gtest.h>

#include <functional>

#include "engine/ops.h"
#include "kernels/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

Tensor leaf(Backend& backend, const Shape& shape, const std::string& name, bool trains) {
  const CaseInput input = case_input("autograd", name, shape);
  Tensor t = Tensor::from_host(backend, shape, input.values);
  t.set_requires_grad(trains);
  return t;
}

Tensor ones(Backend& backend, const Shape& shape) {
  return Tensor::from_host(backend, shape,
                           std::vector<float>(static_cast<std::size_t>(numel(shape)), 1.0f));
}

void expect_error(const std::function<void()>& action, const std::string& text) {
  try {
    action();
    FAIL() << "no error; expected: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()), text);
  }
}

class Autograd : public testing::Test {
 protected:
  Backend& backend_ = *test_backends().front();
};

TEST_F(Autograd, NothingIsRecordedWhereNoGradientIsWanted) {
  const Tensor x = leaf(backend_, {3, 4}, "x", false);
  const Tensor y = gelu(add(x, x));
  EXPECT_FALSE(y.requires_grad());
  expect_error(
      [&] {
        backward({{y, ones(backend_, {3, 4})}});
      },
      "[backward] the tensor has no history to go back through");
}

TEST_F(Autograd, NoGradGuardStopsTheTapeAndGivesItBack) {
  const Tensor x = leaf(backend_, {3, 4}, "x", true);
  {
    const NoGradGuard outer;
    {
      const NoGradGuard inner;
      EXPECT_FALSE(gelu(x).requires_grad());
    }
    EXPECT_FALSE(gelu(x).requires_grad()) << "the inner guard must not end the outer one";
  }
  EXPECT_TRUE(gelu(x).requires_grad());
}

TEST_F(Autograd, ADetachedTensorPassesNoGradient) {
  const Tensor x = leaf(backend_, {2, 2}, "x", true);
  EXPECT_FALSE(gelu(gelu(x).detach()).requires_grad());
}

TEST_F(Autograd, AnInputUsedTwiceGetsBothGradients) {
  const Tensor x = leaf(backend_, {2, 3}, "x", true);
  const Tensor y = add(x, x);
  backward({{y, ones(backend_, {2, 3})}});
  EXPECT_EQ(x.grad().to_host(), std::vector<float>(6, 2.0f));
}

TEST_F(Autograd, ADiamondSumsItsBranches) {
  const Tensor x = leaf(backend_, {4, 4}, "x", true), c = leaf(backend_, {4, 4}, "c", false);
  const Tensor root = gelu(x);
  backward({{add(add(root, root), root), c}});
  const std::vector<float> sum = x.grad().to_host();
  const Tensor single = leaf(backend_, {4, 4}, "x", true);
  backward({{gelu(single), c}});
  Reals expected = as_reals(single.grad().to_host());
  for (double& g : expected) g *= 3;
  EXPECT_LE(relative_error(sum, expected), 1e-6);
}

TEST_F(Autograd, ReshapeSharesTheNodeSoThatBothViewsAddUp) {
  const Tensor x = leaf(backend_, {2, 6}, "x", true);
  const Tensor y = add(x, x), view = y.reshape({3, 4});
  backward({{view, ones(backend_, {3, 4})}, {y, ones(backend_, {2, 6})}});
  EXPECT_EQ(x.grad().to_host(), std::vector<float>(12, 4.0f));
}

TEST_F(Autograd, SeveralRootsGoBackInOnePass) {
  const Tensor x = leaf(backend_, {5, 2}, "x", true);
  const Tensor head = narrow_rows(x, 0, 2), tail = narrow_rows(x, 1, 4);
  backward({{head, ones(backend_, {2, 2})}, {tail, ones(backend_, {4, 2})}});
  EXPECT_EQ(x.grad().to_host(), (std::vector<float>{1, 1, 2, 2, 1, 1, 1, 1, 1, 1}));
}

TEST_F(Autograd, AUsedUpGraphIsAnErrorAndNeverAMissingGradient) {
  const Tensor x = leaf(backend_, {2, 2}, "x", true);
  const Tensor shared = gelu(x);
  const Tensor first = add(shared, shared), second = add(shared, x);
  backward({{first, ones(backend_, {2, 2})}});
  const std::string text =
      "[backward] what 'gelu' saved is gone: an earlier pass used it; give all roots to one pass";
  expect_error([&] { backward({{shared, ones(backend_, {2, 2})}}); }, text);
  expect_error([&] { backward({{second, ones(backend_, {2, 2})}}); }, text);
}

TEST_F(Autograd, TheCotangentMustHaveTheRootsSize) {
  const Tensor x = leaf(backend_, {2, 3}, "x", true);
  expect_error(
      [&] {
        backward({{gelu(x), ones(backend_, {2, 2})}});
      },
      "[backward] gradient [2,2] does not fit tensor [2,3]");
}

TEST_F(Autograd, ALossIsASingleNumberWithGradientOne) {
  const Tensor x = leaf(backend_, {2}, "x", true);
  backward(mse(x, Tensor::zeros(backend_, {2})));
  const std::vector<float> at = x.to_host(), g = x.grad().to_host();
  for (std::size_t i = 0; i < 2; ++i) EXPECT_FLOAT_EQ(g[i], at[i]);  // d mean(x^2) = 2 x / n
  expect_error([&] { backward(add(x, x)); },
               "[backward] a loss is a single number; give (tensor, gradient) pairs for others");
}

TEST_F(Autograd, AVeryLongChainIsReleasedWithoutRecursion) {
  const Tensor x = leaf(backend_, {1}, "x", true);
  Tensor y = x;
  for (int i = 0; i < 200'000; ++i) y = add(y, x);
  y = Tensor();
  y = add(x, x);
  backward({{y, ones(backend_, {1})}});
  EXPECT_EQ(x.grad().to_host(), std::vector<float>{2.0f});
}

TEST_F(Autograd, AVeryLongChainGoesBackAsALoop) {
  const Tensor x = leaf(backend_, {1}, "x", true);
  Tensor y = x;
  for (int i = 0; i < 100'000; ++i) y = add(y, x);
  backward({{y, ones(backend_, {1})}});
  EXPECT_EQ(x.grad().to_host(), std::vector<float>{100'001.0f});
}

TEST_F(Autograd, OnlyLeavesAreMarkedTrainable) {
  const Tensor x = leaf(backend_, {2}, "x", true);
  expect_error([&] { add(x, x).set_requires_grad(true); },
               "[tensor] only leaves can be marked trainable");
  expect_error(
      [&] {
        x.reshape({2, 1});
      },
      "[reshape] a trainable leaf has one shape; reshape a copy of it");
  expect_error([&] { add(x, x).reshape({3}); }, "[reshape] [2] cannot become [3]");
}

TEST_F(Autograd, ZeroGradForgetsTheValueAndTheNextPassOverwrites) {
  Tensor x = leaf(backend_, {2}, "x", true);
  backward({{add(x, x), ones(backend_, {2})}});
  x.zero_grad();
  EXPECT_FALSE(x.grad().defined());
  backward({{add(x, x), ones(backend_, {2})}});
  EXPECT_EQ(x.grad().to_host(), (std::vector<float>{2, 2}));
}

// Errors name the op, the shapes and what was expected.
TEST_F(Autograd, OpsRefuseShapesThatDoNotFit) {
  const auto t = [&](const Shape& shape) { return Tensor::zeros(backend_, shape); };
  expect_error(
      [&] {
        linear(t({2, 3}), t({4, 5}), {});
      },
      "[linear] input [2,3] has 3 columns but weight [4,5] expects 5");
  expect_error(
      [&] {
        linear(t({2, 3, 1}), t({4, 3}), {});
      },
      "[linear] input must have 2 dimensions, got [2,3,1]");
  expect_error(
      [&] {
        linear(t({2, 3}), t({4, 3}), t({3}));
      },
      "[linear] bias does not fit the weight");
  expect_error([&] { add(t({2, 3}), t({3, 2})); }, "[add] shapes differ: [2,3] and [3,2]");
  expect_error(
      [&] {
        grouped_softmax(t({2, 6}), 4, 1.0);
      },
      "[grouped_softmax] [2,6] cannot be split into 4 groups");
  expect_error(
      [&] {
        concat_rows({t({2, 3}), t({2, 4})});
      },
      "[concat_rows] [2,4] does not continue [2,3]");
  expect_error(
      [&] {
        concat_cols(t({2, 3}), t({3, 3}));
      },
      "[concat_cols] row counts differ: [2,3] and [3,3]");
  expect_error(
      [&] {
        narrow_rows(t({4, 3}), 3, 2);
      },
      "[narrow_rows] rows 3..5 of [4,3] do not exist");
  expect_error([&] { pad_cols(t({4, 3}), 2); }, "[pad_cols] [4,3] has more than 2 columns");
  expect_error([&] { pad_rows(t({4, 3}), 2); }, "[pad_rows] [4,3] has more than 2 rows");
  expect_error(
      [&] {
        max_pool2d(t({1, 1, 1, 3}), 3, 2, 0);
      },
      "[max_pool2d] a window of 3 does not fit [1,1,1,3]");
  expect_error(
      [&] {
        global_avg_pool(t({1, 3}));
      },
      "[global_avg_pool] input must have 4 dimensions, got [1,3]");
}

TEST_F(Autograd, ConvBnNamesChannelsThatDoNotFit) {
  ConvBatchNorm layer;
  layer.pad = 1;
  layer.weight = Tensor::zeros(backend_, {8, 3, 3, 16});
  for (Tensor* t : {&layer.gamma, &layer.beta, &layer.mean, &layer.var}) {
    *t = Tensor::zeros(backend_, {8});
  }
  const auto t = [&](const Shape& shape) { return Tensor::zeros(backend_, shape); };
  expect_error(
      [&] {
        conv_bn(t({2, 5, 5, 3}), layer, {}, true);
      },
      "[conv_bn] input [2,5,5,3] has 3 channels but weight [8,3,3,16] expects 16");
  expect_error(
      [&] {
        conv_bn(t({2, 5, 5, 16}), layer, t({2, 5, 5, 16}), true);
      },
      "[conv_bn] residual does not have the output's shape [2,5,5,8]");
}

TEST_F(Autograd, EdgesMustNameExistingRows) {
  std::vector<std::int32_t> order;
  const std::vector<std::int32_t> source{0, 1}, target{1, 3};
  expect_error([&] { build_edge_index(backend_, 3, source, target, order); },
               "[edge_index] an edge names row 3 of 3");
}

TEST_F(Autograd, EdgesAreGroupedByTargetAndBySource) {
  std::vector<std::int32_t> order;
  const std::vector<std::int32_t> source{2, 0, 2, 1}, target{1, 0, 0, 1};
  const EdgeIndex index = build_edge_index(backend_, 3, source, target, order);
  const auto values = [](const Tensor& t) { return t.to_host<std::int32_t>(); };
  EXPECT_EQ(order, (std::vector<std::int32_t>{1, 2, 0, 3}));
  EXPECT_EQ(values(index.target_offsets), (std::vector<std::int32_t>{0, 2, 4, 4}));
  EXPECT_EQ(values(index.source), (std::vector<std::int32_t>{0, 2, 2, 1}));
  EXPECT_EQ(values(index.target), (std::vector<std::int32_t>{0, 0, 1, 1}));
  EXPECT_EQ(values(index.source_offsets), (std::vector<std::int32_t>{0, 1, 2, 4}));
  EXPECT_EQ(values(index.edge_of_source), (std::vector<std::int32_t>{0, 3, 1, 2}));
}

}  // namespace
}  // namespace frost
