#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/layers/image_layout.h"
#include "kernels/backend_registry.h"
#include "models/resnet.h"
#include "tests/golden/closed_form_resnet.h"
#include "tests/models/golden_gradients.h"
#include "tests/op_table/op_cases.h"
#include "tests/weights/weight_file_helpers.h"

// ResNets against torchvision's, in float64 on closed-form weights (tests/golden/README.md).
namespace frost {
namespace {

constexpr double kTolerance = 1e-5;

Golden golden_of(int depth) {
  return Golden(resnet_name(depth) + ".safetensors", depth == 18 ? 256 : 32);
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

struct GoldenCase {
  int depth;
  std::size_t side, parameters;
  double gradient_tolerance;
};

class ResNetGolden : public testing::TestWithParam<GoldenCase> {};

TEST_P(ResNetGolden, LogitsFeaturesAndAllGradientsMatchTorchvision) {
  const auto [depth, side, count, gradient_tolerance] = GetParam();
  const Golden golden = golden_of(depth);
  const std::string prefix = fmt::format("s{}.", side);
  for (Backend* backend : test_backends()) {
    SCOPED_TRACE(backend->description());
    ResNetClassifier model(*backend, depth, 1000);
    model.load(closed_form_resnet(depth));
    const Tensor x = closed_form_images(*backend, 3, side);
    const Tensor pooled = model.body.forward(x), logits = model.logits(pooled);
    EXPECT_LE(relative_error(pooled.to_host(), golden.at(prefix + "pooled")), kTolerance);
    EXPECT_LE(relative_error(logits.to_host(), golden.at(prefix + "logits")), kTolerance);
    backward_from(logits);
    golden.expect_gradient(in_torch_layout(x.grad()), prefix + "grad.input", gradient_tolerance);
    const std::vector<NamedTensor> parameters = model.parameters();
    EXPECT_EQ(parameters.size(), count);
    for (const NamedTensor& p : parameters) {
      const std::string name = p.name.starts_with("body.") ? p.name.substr(5) : p.name;
      ASSERT_TRUE(p.tensor.grad().defined()) << name;
      golden.expect_gradient(in_torch_layout(p.tensor.grad()), prefix + "grad." + name,
                             gradient_tolerance);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ResNetGolden,
                         testing::Values(GoldenCase{18, 24, 62, 1e-5}, GoldenCase{18, 84, 62, 1e-5},
                                         GoldenCase{18, 224, 62, 1e-3},
                                         GoldenCase{34, 33, 110, 1e-5},
                                         GoldenCase{50, 24, 161, 1e-5}),
                         [](const auto& info) {
                           return fmt::format("{}at{}", info.param.depth, info.param.side);
                         });

/// Pooled features and input gradient of a one-channel image.
void expect_repeat3_golden(Backend& backend, ResNet& body) {
  const Tensor x = closed_form_images(backend, 1, 24);
  const Tensor pooled = body.forward(x);
  const Golden golden = golden_of(18);
  EXPECT_LE(relative_error(pooled.to_host(), golden.at("repeat3.s24.pooled")), kTolerance);
  backward_from(pooled);
  golden.expect_gradient(in_torch_layout(x.grad()), "repeat3.s24.grad.input", kTolerance);
}

TEST(ResNetAdapters, OneChannelMeetsThreeAsIfItWereCopied) {
  for (Backend* backend : test_backends()) {
    ResNet body(*backend, 18, 3);
    body.load(closed_form_resnet(18));
    expect_repeat3_golden(*backend, body);
  }
}

TEST(ResNetAdapters, AChannelSummedStemIsTheSameFunction) {
  for (Backend* backend : test_backends()) {
    ResNet body(*backend, 18, 1);
    body.load(closed_form_resnet(18));
    expect_repeat3_golden(*backend, body);
  }
}

TEST(ResNetAdapters, BothGiveTheSameFeaturesAt84Pixels) {
  for (Backend* backend : test_backends()) {
    const NoGradGuard no_grad;
    ResNet repeat3(*backend, 18, 3), summed(*backend, 18, 1);
    repeat3.load(closed_form_resnet(18));
    summed.load(closed_form_resnet(18));
    const Tensor x = closed_form_images(*backend, 1, 84);
    EXPECT_LE(relative_error(summed.forward(x).to_host(), as_reals(repeat3.forward(x).to_host())),
              kTolerance);
  }
}

class ResNetOfDepth : public testing::TestWithParam<int> {};

TEST_P(ResNetOfDepth, NoGradGivesTheBitsOfTraining) {
  for (Backend* backend : test_backends()) {
    ResNet body(*backend, GetParam(), 3);
    body.load(closed_form_resnet(GetParam()));
    const Tensor x = closed_form_images(*backend, 3, 24);
    const std::vector<float> training = body.forward(x).to_host();
    const NoGradGuard no_grad;
    EXPECT_EQ(body.forward(x).to_host(), training);
  }
}

TEST_P(ResNetOfDepth, LoadingWhatWasSavedChangesNothing) {
  const StateDict state = closed_form_resnet(GetParam());
  ResNet body(cpu_backend(), GetParam(), 3);
  body.load(state);
  const StateDict saved = body.torchvision_state_dict();
  EXPECT_EQ(saved.size() + 2, state.size()) << "all but the classifier";
  for (const auto& [name, tensor] : saved) {
    EXPECT_EQ(tensor.shape, state.at(name).shape) << name;
    EXPECT_EQ(tensor.to_floats(name), state.at(name).to_floats(name)) << name;
  }
}

TEST_P(ResNetOfDepth, EveryUnitYieldsTheShapeThatTheNextOneIsSaidToRead) {
  ResNet body(cpu_backend(), GetParam(), 3);
  const NoGradGuard no_grad;
  const Shape image{37, 52, 1};
  Tensor x = Tensor::zeros(cpu_backend(), {1, image[0], image[1], image[2]});
  for (int unit = 0; unit < body.units(); ++unit) {
    x = body.forward(x, unit, unit + 1);
    Shape shape = body.unit_input(unit + 1, image);
    shape.insert(shape.begin(), 1);
    EXPECT_EQ(x.shape(), shape) << unit;
  }
  EXPECT_EQ(x.dim(1), body.spec().features());
}

// Bodies that end early yield the maps of the whole one, and have nothing behind them.
TEST_P(ResNetOfDepth, ATapYieldsTheMapOfItsStageOrItsAverage) {
  const StateDict weights = closed_form_resnet(GetParam());
  ResNet whole(cpu_backend(), GetParam(), 3);
  whole.load(weights);
  const Tensor image = closed_form_images(cpu_backend(), 3, 40);
  const NoGradGuard no_grad;
  for (int stage = 0; stage <= 4; ++stage) {
    const Tensor map = whole.forward(image, 0, whole.spec().unit_of(stage + 1, 0));
    for (const bool pooled : {false, true}) {
      ResNet tapped(cpu_backend(), GetParam(), 3, true, {stage, pooled});
      tapped.load(weights);
      const Tensor want = pooled ? global_avg_pool(map) : map;
      const Tensor got = tapped.forward(image);
      EXPECT_EQ(got.shape(), want.shape());
      EXPECT_EQ(got.to_host(), want.to_host()) << stage;
      Shape output = tapped.output({40, 40, 3});
      output.insert(output.begin(), image.dim(0));
      EXPECT_EQ(output, want.shape());
      EXPECT_EQ(tapped.parameters().size() == whole.parameters().size(), stage == 4);
    }
  }
}

// The multiplications of one forward at 224 pixels, as papers and torchvision give them, without
// the classifier.
TEST_P(ResNetOfDepth, ItsWorkIsThatOfTheLiterature) {
  const ResNet body(cpu_backend(), GetParam(), 3);
  double work = 0;
  for (int unit = 0; unit < body.units(); ++unit) {
    for (const ConvWork& conv : body.unit_work(unit, {224, 224, 3})) work += conv.multiplications;
  }
  const std::map<int, double> giga = {{18, 1.814}, {34, 3.664}, {50, 4.089}};
  EXPECT_NEAR(work * 1e-9 + 1e-6 * static_cast<double>(body.spec().features()), giga.at(GetParam()),
              1e-3);
}

INSTANTIATE_TEST_SUITE_P(Table, ResNetOfDepth, testing::Values(18, 34, 50));

TEST(ResNetTable, OtherDepthsAndNamesAreRefusedWithTheValidOnes) {
  EXPECT_TRUE(test::refuses([] { ResNet(cpu_backend(), 101, 3); },
                            "no ResNet of depth 101: use 18, 34 or 50"));
  EXPECT_TRUE(test::refuses([] { resnet_depth("resnet101"); },
                            "unknown architecture 'resnet101': use one of resnet18, resnet34, "
                            "resnet50"));
  for (const std::string& name : resnet_names()) EXPECT_EQ(resnet_name(resnet_depth(name)), name);
}

}  // namespace
}  // namespace frost
