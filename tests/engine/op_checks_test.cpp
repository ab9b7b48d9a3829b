#include <gtest/gtest.h>

#include "engine/policy_ops.h"
#include "models/resnet.h"
#include "tests/engine/errors.h"
#include "tests/op_table/op_cases.h"

// What ops refuse, beyond the shapes that autograd_test.cpp goes through, and empty batches.
namespace frost {
namespace {

class OpChecks : public testing::Test {
 protected:
  Tensor zeros(const Shape& shape) const { return Tensor::zeros(backend_, shape); }
  Tensor bytes(const Shape& shape) const {
    return Tensor::empty(backend_, shape, MemoryTag::kWorkspace, DType::kU8);
  }
  Tensor indices(const std::vector<std::int32_t>& values) const {
    return Tensor::from_host(backend_, values);
  }
  /// 3x3 over 16 channels, 16 out, padded.
  ConvBatchNorm layer() const {
    ConvBatchNorm layer;
    layer.pad = 1;
    layer.weight = zeros({16, 3, 3, 16});
    for (Tensor* t : {&layer.gamma, &layer.beta, &layer.mean, &layer.var}) *t = zeros({16});
    return layer;
  }

  Backend& backend_ = *test_backends().front();
};

TEST_F(OpChecks, AnOpOnFloatsNamesItselfWhereItGetsSomethingElse) {
  const Tensor x = bytes({4, 3});
  EXPECT_EQ(error_of([&] { gelu(x); }), "[gelu] an input [4,3] holds uint8, expected float32");
  EXPECT_EQ(error_of([&] { add(x, x); }), "[add] an input [4,3] holds uint8, expected float32");
  EXPECT_EQ(error_of([&] {
              concat_rows({zeros({4, 3}), x});
            }),
            "[concat_rows] an input [4,3] holds uint8, expected float32");
  EXPECT_EQ(error_of([&] { narrow_rows(x, 1, 2); }),
            "[narrow_rows] an input [4,3] holds uint8, expected float32");
  EXPECT_EQ(error_of([&] {
              linear(zeros({4, 3}), zeros({2, 3}), bytes({2}));
            }),
            "[linear] an input [2] holds uint8, expected float32");
  EXPECT_EQ(error_of([&] {
              ConvBatchNorm l = layer();
              conv_bn(bytes({1, 5, 5, 16}), l, {}, true);
            }),
            "[conv_bn] an input [1,5,5,16] holds uint8, expected float32");
}

TEST_F(OpChecks, IndicesAreInt32) {
  EXPECT_EQ(error_of([&] {
              gather_rows(zeros({4, 3}), zeros({2}));
            }),
            "[gather_rows] index must hold int32, got float32");
  EXPECT_EQ(error_of([&] {
              gather_rows(bytes({4, 3}), indices({0}));
            }),
            "[gather_rows] input must hold float32, got uint8");
  EXPECT_EQ(error_of([&] {
              repeat_segments(zeros({2, 3}), zeros({3}), indices({0, 1}));
            }),
            "[repeat_segments] offsets must hold int32, got float32");
  EXPECT_EQ(error_of([&] {
              repeat_segments(zeros({2, 3}), indices({0, 1, 2}), {});
            }),
            "[repeat_segments] segment must hold int32, got nothing");
  EXPECT_EQ(error_of([&] { bytes_to_floats(zeros({4}), {4}, 1, 0); }),
            "[bytes_to_floats] input must hold uint8, got float32");
}

TEST_F(OpChecks, IndicesOutsideAreRefusedOnTheCpu) {
  EXPECT_EQ(error_of([&] {
              gather_rows(zeros({4, 3}), indices({0, 3, 4}));
            }),
            "[gather_rows] index 4 at 2 is not in [0, 4)");
  EXPECT_EQ(error_of([&] {
              gather_rows(zeros({0, 3}), indices({0}));
            }),
            "[gather_rows] index 0 at 0 is not in [0, 0)");
  EXPECT_EQ(error_of([&] {
              repeat_segments(zeros({2, 3}), indices({0, 1, 2}), indices({0, -1}));
            }),
            "[repeat_segments] segment -1 at 1 is not in [0, 2)");
  EXPECT_EQ(error_of([&] {
              cross_entropy(zeros({2, 3}), indices({2, 3}));
            }),
            "[cross_entropy] label 3 at 1 is not in [0, 3)");
  EXPECT_EQ(error_of([&] {
              evaluate_categorical(zeros({2, 3}), {}, indices({-1, 0}));
            }),
            "[evaluate_categorical] action -1 at 0 is not in [0, 3)");
}

TEST_F(OpChecks, LossesOfAPolicyNeedABatch) {
  const std::string text = "a mean over no state has no value";
  EXPECT_EQ(error_of([&] {
              ppo_surrogate(zeros({0, 2}), {indices({0}), zeros({0}), zeros({0})});
            }),
            "[ppo_surrogate] " + text);
  EXPECT_EQ(error_of([&] {
              value_loss(zeros({0, 1}), {zeros({0, 1}), zeros({0, 1}), zeros({1})});
            }),
            "[value_loss] " + text);
}

TEST_F(OpChecks, LossesNeedABatchAndOperandsThatFit) {
  EXPECT_EQ(error_of([&] {
              cross_entropy(zeros({0, 3}), indices({}));
            }),
            "[cross_entropy] logits [0,3] are empty");
  EXPECT_EQ(error_of([&] {
              cross_entropy(zeros({2, 3}), indices({1}));
            }),
            "[cross_entropy] labels [1] do not fit logits [2,3]");
  EXPECT_EQ(error_of([&] {
              cross_entropy(zeros({2, 3}), zeros({2}));
            }),
            "[cross_entropy] label must hold int32, got float32");
  EXPECT_EQ(error_of([&] {
              mse(zeros({2, 3}), zeros({3, 2}));
            }),
            "[mse] shapes differ: [2,3] and [3,2]");
  EXPECT_EQ(error_of([&] { mse(zeros({0, 3}), zeros({0, 3})); }), "[mse] input [0,3] is empty");
  EXPECT_EQ(error_of([&] {
              softmax(zeros({2, 0}));
            }),
            "[softmax] [2,0] has no last dimension to sum over");
}

TEST_F(OpChecks, OperandsOfThePolicyOpsHaveTheirTypes) {
  EXPECT_EQ(error_of([&] {
              evaluate_categorical(zeros({2, 3}), zeros({2, 3}), indices({0, 0}));
            }),
            "[evaluate_categorical] mask must hold uint8, got float32");
  EXPECT_EQ(error_of([&] {
              evaluate_categorical(zeros({2, 3}), {}, zeros({2}));
            }),
            "[evaluate_categorical] action must hold int32, got float32");
  EXPECT_EQ(error_of([&] {
              evaluate_categorical(zeros({2, 0}), {}, indices({0, 0}));
            }),
            "[evaluate_categorical] logits hold no choice: [2,0]");
  EXPECT_EQ(error_of([&] {
              evaluate_gaussian(zeros({2, 2}), bytes({2, 1}));
            }),
            "[evaluate_gaussian] sample must hold float32, got uint8");
  SurrogateInputs surrogate{zeros({2}), zeros({3}), zeros({1})};
  EXPECT_EQ(error_of([&] {
              ppo_surrogate(zeros({3, 2}), surrogate);
            }),
            "[ppo_surrogate] offsets must hold int32, got float32");
  surrogate.offsets = indices({0, 3});
  EXPECT_EQ(error_of([&] {
              ppo_surrogate(zeros({3, 1}), surrogate);
            }),
            "[ppo_surrogate] the batch does not fit evaluation [3,1]");
  const ValueLossInputs values{zeros({2, 1}), bytes({2, 1}), zeros({1})};
  EXPECT_EQ(error_of([&] {
              value_loss(zeros({2, 1}), values);
            }),
            "[value_loss] returns must hold float32, got uint8");
}

TEST_F(OpChecks, StrideIsPositiveAndPaddingNotNegative) {
  const Tensor x = zeros({1, 5, 5, 16}), w = zeros({16, 3, 3, 16});
  const auto text = [](const std::string& op, int stride, int pad) {
    return "[" + op + "] stride " + std::to_string(stride) + " must be positive and padding " +
           std::to_string(pad) + " not negative";
  };
  EXPECT_EQ(error_of([&] { conv2d(x, w, 0, 1); }), text("conv2d", 0, 1));
  EXPECT_EQ(error_of([&] { conv2d(x, w, 1, -1); }), text("conv2d", 1, -1));
  EXPECT_EQ(error_of([&] { max_pool2d(x, 3, 0, 1); }), text("max_pool2d", 0, 1));
  EXPECT_EQ(error_of([&] { max_pool2d(x, 3, 2, -1); }), text("max_pool2d", 2, -1));
  ConvBatchNorm l = layer();
  l.stride = -2;
  EXPECT_EQ(error_of([&] { conv_bn(x, l, {}, true); }), text("conv_bn", -2, 1));
}

TEST_F(OpChecks, OnlyTheBatchOfImagesMayBeEmpty) {
  EXPECT_EQ(error_of([&] {
              conv2d(zeros({1, 0, 5, 16}), zeros({16, 3, 3, 16}), 1, 2);
            }),
            "[conv2d] input [1,0,5,16] or weight [16,3,3,16] is empty in a dimension other than "
            "the batch");
  EXPECT_EQ(error_of([&] {
              max_pool2d(zeros({1, 0, 5, 3}), 2, 1, 1);
            }),
            "[max_pool2d] a window of 2 does not fit [1,0,5,3]");
  EXPECT_EQ(error_of([&] {
              global_avg_pool(zeros({1, 0, 5, 3}));
            }),
            "[global_avg_pool] input [1,0,5,3] has no pixels");
  EXPECT_EQ(error_of([&] {
              grouped_softmax(zeros({2, 0}), 1, 1.0);
            }),
            "[grouped_softmax] [2,0] cannot be split into 1 groups");
}

TEST_F(OpChecks, ConvBnRefusesALayerThatDoesNotFitItself) {
  const Tensor x = zeros({1, 5, 5, 16});
  for (const auto& [name, part] : {std::pair{"gamma", &ConvBatchNorm::gamma},
                                   {"beta", &ConvBatchNorm::beta},
                                   {"mean", &ConvBatchNorm::mean},
                                   {"variance", &ConvBatchNorm::var}}) {
    ConvBatchNorm l = layer();
    l.*part = zeros({8});
    EXPECT_EQ(error_of([&] { conv_bn(x, l, {}, true); }),
              std::string("[conv_bn] ") + name + " [8] does not fit weight [16,3,3,16]");
  }
  ConvBatchNorm flat = layer();
  flat.weight = zeros({16, 144});
  EXPECT_EQ(error_of([&] { conv_bn(x, flat, {}, true); }),
            "[conv_bn] weight must have 4 dimensions, got [16,144]");
  ConvBatchNorm empty;
  EXPECT_EQ(error_of([&] { conv_bn(x, empty, {}, true); }),
            "[conv_bn] weight must have 4 dimensions, got nothing");
}

TEST_F(OpChecks, AFoldedWeightBelongsToTheTensorsItWasMadeFrom) {
  // The second weight has the first one's version, and another size.
  const Tensor x = Tensor::from_host(backend_, {1, 1, 1, 1}, std::vector<float>{3});
  const auto one = [&](float value) {
    return Tensor::from_host(backend_, {1}, std::vector<float>{value});
  };
  const auto kernel = [&](const Shape& shape, float value) {
    return Tensor::from_host(backend_, shape,
                             std::vector<float>(static_cast<std::size_t>(numel(shape)), value));
  };
  ConvBatchNorm l;
  l.pad = 1;
  l.gamma = one(1), l.beta = one(0), l.mean = one(0), l.var = one(1);
  l.weight = kernel({1, 1, 1, 1}, 2);
  l.pad = 0;
  EXPECT_NEAR(conv_bn(x, l, {}, false).to_host().front(), 6, 1e-3);
  l.weight = kernel({1, 3, 3, 1}, 5);
  l.pad = 1;
  EXPECT_NEAR(conv_bn(x, l, {}, false).to_host().front(), 15, 1e-3);
}

TEST_F(OpChecks, GraphAttentionRefusesAnIndexThatLies) {
  std::vector<std::int32_t> order;
  const std::vector<std::int32_t> source{0, 1}, target{1, 2};
  EdgeIndex index = build_edge_index(backend_, 3, source, target, order);
  const Tensor q = zeros({3, 4}), edge = zeros({2, 4});
  EXPECT_EQ(error_of([&] { graph_attention(index, 0, q, q, q, edge); }),
            "[graph_attention] query [3,4] does not fit 3 rows and 0 heads");
  EdgeIndex floats = index;
  floats.source = zeros({2});
  EXPECT_EQ(error_of([&] { graph_attention(floats, 2, q, q, q, edge); }),
            "[graph_attention] edge index must hold int32, got float32");
  index.target_offsets = index.source;
  EXPECT_EQ(error_of([&] { graph_attention(index, 2, q, q, q, edge); }),
            "[graph_attention] edge index [2] does not fit 3 rows and 2 edges");
}

TEST_F(OpChecks, BackwardRefusesUndefinedTensors) {
  Tensor x = zeros({2});
  x.set_requires_grad(true);
  const std::string text = "[backward] a pair of tensor and gradient holds an undefined tensor";
  EXPECT_EQ(error_of([&] { backward({{Tensor(), zeros({2})}}); }), text);
  EXPECT_EQ(error_of([&] { backward({{add(x, x), Tensor()}}); }), text);
}

TEST_F(OpChecks, BackwardRefusesAGradientOfAnotherTypeAndTouchesNothing) {
  Tensor x = zeros({2});
  x.set_requires_grad(true);
  const Tensor y = add(x, x);
  EXPECT_EQ(error_of([&] {
              backward({{y, indices({1, 1})}});
            }),
            "[backward] a gradient is float32 on the device of its tensor");
  backward({{y, Tensor::from_host(x.backend(), {2}, std::vector<float>{1, 1})}});
  EXPECT_EQ(x.grad().to_host(), (std::vector<float>{2, 2}));
}

Tensor leaf(Backend& backend, const Shape& shape) {
  Tensor t = Tensor::zeros(backend, shape);
  t.set_requires_grad(true);
  return t;
}

/// Expects a result of this shape, and gradients of zero in place of what was there.
template <class Run>
void expect_empty(const Run& run, const Shape& shape, std::vector<Tensor> parameters) {
  const auto go_back = [&] {
    const Tensor y = run();
    EXPECT_EQ(y.shape(), shape);
    backward({{y, Tensor::zeros(y.backend(), y.shape())}});
  };
  go_back();
  for (Tensor& p : parameters) {
    ASSERT_TRUE(p.grad().defined());
    p.grad().copy_from_host(std::vector<float>(static_cast<std::size_t>(p.numel()), 7.0f));
    p.zero_grad();
  }
  go_back();
  for (const Tensor& p : parameters) {
    EXPECT_EQ(p.grad().to_host(), std::vector<float>(static_cast<std::size_t>(p.numel())));
  }
}

class EmptyBatch : public testing::TestWithParam<Backend*> {
 protected:
  Backend& backend_ = *GetParam();
};

TEST_P(EmptyBatch, OfEveryKindOfConvolution) {
  for (const std::int64_t side : {1, 5, 40}) {
    for (const std::int64_t c : {1, 16}) {
      for (const std::int64_t stride : {1, 2}) {
        const Tensor x = leaf(backend_, {0, side, side, c}), w = leaf(backend_, {16, 3, 3, c});
        const std::int64_t out = (side - 1) / stride + 1;
        expect_empty([&] { return conv2d(x, w, stride, 1); }, {0, out, out, 16}, {x, w});
      }
    }
  }
}

TEST_P(EmptyBatch, OfConvBnAndThePools) {
  ConvBatchNorm l;
  l.pad = 1;
  l.weight = leaf(backend_, {16, 3, 3, 16});
  l.gamma = leaf(backend_, {16}), l.beta = leaf(backend_, {16});
  l.mean = Tensor::zeros(backend_, {16}), l.var = Tensor::zeros(backend_, {16});
  const Tensor x = leaf(backend_, {0, 5, 5, 16}), images = leaf(backend_, {0, 5, 5, 3});
  expect_empty([&] { return conv_bn(x, l, x, true); }, {0, 5, 5, 16},
               {x, l.weight, l.gamma, l.beta});
  expect_empty([&] { return max_pool2d(images, 3, 2, 1); }, {0, 3, 3, 3}, {images});
  expect_empty([&] { return global_avg_pool(images); }, {0, 3}, {images});
}

TEST_P(EmptyBatch, PassesThroughAWholeResNet) {
  ResNet body(backend_, 18, 3);
  RandomStream random(1, StreamPurpose::kInit);
  body.initialize(random);
  const Tensor images = Tensor::zeros(backend_, {0, 40, 40, 1});
  std::vector<Tensor> parameters;
  for (const NamedTensor& p : body.parameters()) parameters.push_back(p.tensor);
  expect_empty([&] { return body.forward(images); }, {0, 512}, parameters);
}

INSTANTIATE_TEST_SUITE_P(Devices, EmptyBatch, testing::ValuesIn(test_backends()),
                         [](const auto& info) { return "device" + std::to_string(info.index); });

}  // namespace
}  // namespace frost
