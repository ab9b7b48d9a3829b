#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/resnet18.h"
#include "tests/golden/closed_form.h"
#include "tests/golden_files.h"
#include "tests/op_table/op_cases.h"
#include "weights/safetensors.h"

// ResNet18 against torchvision's, in float64 on closed-form weights (tests/golden/README.md).
namespace frost {
namespace {

constexpr double kTolerance = 1e-5;

Reals golden(const std::string& name) {
  static const StateDict tensors = read_safetensors(golden_path("resnet18.safetensors")).tensors;
  return as_reals(tensors.at(name).to_floats(name));
}

Tensor closed_form_images(Backend& backend, std::size_t channels, std::size_t side) {
  const Shape nchw{2, static_cast<std::int64_t>(channels), static_cast<std::int64_t>(side),
                   static_cast<std::int64_t>(side)};
  Tensor x = Tensor::from_host(backend, {nchw[0], nchw[2], nchw[3], nchw[1]},
                               nchw_to_nhwc(closed_form_input(2, channels, side, side), nchw));
  x.set_requires_grad(true);
  return x;
}

void backward_from(const Tensor& y) {
  const auto c = closed_form_cotangent(static_cast<std::size_t>(y.numel()));
  backward({{y, Tensor::from_host(y.backend(), y.shape(), c)}});
}

/// Compares a gradient in PyTorch's layout with the stored sample and norm. The error of the sample
/// is measured against the size of the whole tensor's elements: samples of a 3x3 convolution hold
/// corner taps only, which are far smaller than the sums they are made of.
void expect_gradient(const std::vector<float>& values, const std::string& name, double tolerance) {
  const Reals sample = golden(name + ".sample");
  const double norm = golden(name + ".norm").front();
  const std::size_t stride = std::max<std::size_t>(1, values.size() / 256);
  ASSERT_LE((sample.size() - 1) * stride, values.size()) << name;
  double difference = 0, squares = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    difference += std::pow(values[i * stride] - sample[i], 2);
  }
  for (const float v : values) squares += static_cast<double>(v) * v;
  const double elements = static_cast<double>(values.size()) / static_cast<double>(sample.size());
  EXPECT_LE(std::sqrt(difference * elements) / norm, tolerance) << name;
  EXPECT_NEAR(std::sqrt(squares) / norm, 1.0, tolerance) << name;
}

/// Images and convolution weights live channels-last; PyTorch has channels second.
std::vector<float> in_torch_layout(const Tensor& gradient) {
  const std::vector<float> values = gradient.to_host();
  return gradient.shape().size() == 4 ? nhwc_to_nchw(values, gradient.shape()) : values;
}

struct GoldenSize {
  std::size_t side;
  double gradient_tolerance;
};

class ResNet18Golden : public testing::TestWithParam<GoldenSize> {};

TEST_P(ResNet18Golden, LogitsFeaturesAndAllGradientsMatchTorchvision) {
  const auto [side, gradient_tolerance] = GetParam();
  const std::string prefix = fmt::format("s{}.", side);
  for (Backend* backend : test_backends()) {
    SCOPED_TRACE(backend->description());
    ResNet18Classifier model(*backend);
    model.load(closed_form_resnet18());
    const Tensor x = closed_form_images(*backend, 3, side);
    const Tensor pooled = model.body.forward(x), logits = model.logits(pooled);
    EXPECT_LE(relative_error(pooled.to_host(), golden(prefix + "pooled")), kTolerance);
    EXPECT_LE(relative_error(logits.to_host(), golden(prefix + "logits")), kTolerance);
    backward_from(logits);
    expect_gradient(in_torch_layout(x.grad()), prefix + "grad.input", gradient_tolerance);
    const std::vector<NamedTensor> parameters = model.parameters();
    EXPECT_EQ(parameters.size(), 62U);
    for (const NamedTensor& p : parameters) {
      const std::string name = p.name.starts_with("body.") ? p.name.substr(5) : p.name;
      ASSERT_TRUE(p.tensor.grad().defined()) << name;
      expect_gradient(in_torch_layout(p.tensor.grad()), prefix + "grad." + name,
                      gradient_tolerance);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ResNet18Golden,
                         testing::Values(GoldenSize{24, 1e-5}, GoldenSize{84, 1e-5},
                                         GoldenSize{224, 1e-3}),
                         [](const auto& info) { return std::to_string(info.param.side); });

/// Pooled features and input gradient of a one-channel image.
void expect_repeat3_golden(Backend& backend, ResNet18& body) {
  const Tensor x = closed_form_images(backend, 1, 24);
  const Tensor pooled = body.forward(x);
  EXPECT_LE(relative_error(pooled.to_host(), golden("repeat3.s24.pooled")), kTolerance);
  backward_from(pooled);
  expect_gradient(in_torch_layout(x.grad()), "repeat3.s24.grad.input", kTolerance);
}

TEST(ResNet18Adapters, OneChannelMeetsThreeAsIfItWereCopied) {
  for (Backend* backend : test_backends()) {
    ResNet18 body(*backend, 3);
    body.load(closed_form_resnet18());
    expect_repeat3_golden(*backend, body);
  }
}

TEST(ResNet18Adapters, AChannelSummedStemIsTheSameFunction) {
  for (Backend* backend : test_backends()) {
    ResNet18 body(*backend, 1);
    body.load(closed_form_resnet18());
    expect_repeat3_golden(*backend, body);
  }
}

TEST(ResNet18Adapters, BothGiveTheSameFeaturesAt84Pixels) {
  for (Backend* backend : test_backends()) {
    const NoGradGuard no_grad;
    ResNet18 repeat3(*backend, 3), summed(*backend, 1);
    repeat3.load(closed_form_resnet18());
    summed.load(closed_form_resnet18());
    const Tensor x = closed_form_images(*backend, 1, 84);
    EXPECT_LE(relative_error(summed.forward(x).to_host(), as_reals(repeat3.forward(x).to_host())),
              kTolerance);
  }
}

TEST(ResNet18Inference, NoGradGivesTheBitsOfTraining) {
  for (Backend* backend : test_backends()) {
    ResNet18 body(*backend, 3);
    body.load(closed_form_resnet18());
    const Tensor x = closed_form_images(*backend, 3, 24);
    const std::vector<float> training = body.forward(x).to_host();
    const NoGradGuard no_grad;
    EXPECT_EQ(body.forward(x).to_host(), training);
  }
}

TEST(ResNet18State, LoadingWhatWasSavedChangesNothing) {
  Backend& backend = *test_backends().front();
  const StateDict state = closed_form_resnet18();
  ResNet18 body(backend, 3);
  body.load(state);
  const StateDict saved = body.torchvision_state_dict();
  EXPECT_EQ(saved.size(), 100U);
  for (const auto& [name, tensor] : saved) {
    EXPECT_EQ(tensor.shape, state.at(name).shape) << name;
    EXPECT_EQ(tensor.to_floats(name), state.at(name).to_floats(name)) << name;
  }
}

}  // namespace
}  // namespace frost
