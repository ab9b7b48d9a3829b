#include "models/frozen_prefix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/layers/layers.h"
#include "engine/ops.h"
#include "kernels/errors.h"
#include "models/freeze.h"
#include "models/resnet.h"
#include "tests/golden/closed_form_resnet.h"
#include "tests/op_table/op_cases.h"

// The prefix as a user of the library meets it: on a ResNet and on a chain that is none.
namespace frost {
namespace {

Backend& backend() {
  return *test_backends().front();
}

Tensor input_of(const std::string& name, const Shape& shape) {
  return Tensor::from_host(backend(), shape,
                           closed_form_values(name, static_cast<std::size_t>(numel(shape)), 1.0));
}

/// Linear(5 -> 7) and tanh; gelu, which has no weights; Linear(7 -> 4) with a buffer added.
class SmallChain : public UnitChain {
 public:
  SmallChain() : first_(backend(), 5, 7), last_(backend(), 7, 4), offset_(input_of("offset", {4})) {
    register_module("first", first_);
    register_module("last", last_);
    register_buffer("offset", offset_);
    for (NamedTensor& p : parameters()) {
      p.tensor.copy_from_host(input_of(p.name, p.tensor.shape()).to_host());
    }
  }

  using UnitChain::forward;
  int units() const override { return 3; }
  Tensor forward(const Tensor& input, int begin, int end) override {
    Tensor x = input;
    batches.push_back(input.dim(0));
    for (int u = begin; u < end; ++u) {
      x = u == 0 ? tanh(first_(x)) : u == 1 ? gelu(x) : linear(x, last_.weight, bias());
    }
    return x;
  }
  std::vector<Tensor> unit_tensors(int unit) const override {
    if (unit == 0) return {first_.weight, first_.bias};
    if (unit == 1) return {};
    return {last_.weight, last_.bias, offset_};
  }
  Shape unit_input(int unit, const Shape& input) const override {
    return unit == 0 ? input : unit < units() ? Shape{7} : Shape{4};
  }

  std::vector<std::int64_t> batches;  ///< sizes of those that passed

 private:
  Tensor bias() const { return add(last_.bias, offset_); }

  Linear first_, last_;
  Tensor offset_;
};

void freeze_first(SmallChain& chain) {
  freeze_parameters(chain, [](std::string_view name) { return name.starts_with("first."); });
}

void freeze_all(SmallChain& chain) {
  freeze_parameters(chain, [](std::string_view) { return true; });
}

Tensor tensor_called(const Module& module, const std::string& name) {
  for (const auto& tensors : {module.parameters(), module.buffers()}) {
    for (const NamedTensor& t : tensors) {
      if (t.name == name) return t.tensor;
    }
  }
  throw Error("no tensor " + name);
}

void change_one_value(Tensor tensor) {
  std::vector<float> values = tensor.to_host();
  values.back() = std::nextafter(values.back(), 1e30f);
  tensor.copy_from_host(values);
}

template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

/// Features of `x`, made from batches of 3 rows.
Tensor run_in_threes(FrozenPrefix& prefix, const Tensor& x) {
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < x.dim(0); begin += 3) {
    parts.push_back(prefix.run(narrow_rows(x, begin, std::min<std::int64_t>(3, x.dim(0) - begin))));
  }
  return concat_rows(parts);
}

struct PrefixCase {
  int depth;
  const char* mode;
  int units;
  std::int64_t features;  ///< of a picture of 40 x 33 pixels
};

class FrozenPrefixOfResNet : public testing::TestWithParam<PrefixCase> {};

TEST_P(FrozenPrefixOfResNet, KeptFeaturesContinueAsTheWholeBodyBitForBit) {
  const auto& [depth, mode, units, width] = GetParam();
  ResNet body(backend(), depth, 3);
  body.load(closed_form_resnet(depth));
  apply_freeze_mode(body, find_freeze_mode(mode, depth));
  FrozenPrefix prefix({&body}, {40, 33, 3});
  const Tensor images = input_of("images", {11, 40, 33, 3});
  const Tensor features = prefix.run(images);
  EXPECT_EQ(prefix.units(), units);
  EXPECT_EQ(features.shape(), (Shape{11, width}));
  EXPECT_EQ(run_in_threes(prefix, images).to_host(), features.to_host());
  EXPECT_EQ(prefix.input(features).to_host(), prefix.inputs(images)[0].to_host());
  const Tensor y = prefix.forward(features);
  EXPECT_EQ(y.shape(), (Shape{11, body.spec().features()}));
  EXPECT_EQ(y.to_host(), body.forward(prefix.inputs(images)[0], units).to_host());
  EXPECT_LE(relative_error(y.to_host(), as_reals(body.forward(images).to_host())), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Modes, FrozenPrefixOfResNet,
                         testing::Values(PrefixCase{18, "until_layer3", 7, 3 * 3 * 256},
                                         PrefixCase{34, "layer4.2", 16, 2 * 2 * 512},
                                         PrefixCase{50, "until_layer3", 14, 3 * 3 * 1024},
                                         PrefixCase{50, "until_layer1", 4, 10 * 9 * 256}),
                         [](const auto& info) {
                           return std::to_string(info.param.depth) + "u" +
                                  std::to_string(info.param.units);
                         });

TEST(FrozenPrefixOfResNet18, AWholeFrozenBodyYieldsItsPooledFeatures) {
  ResNet body(backend(), 18, 1);
  body.load(closed_form_resnet(18));
  apply_freeze_mode(body, find_freeze_mode("all"));
  FrozenPrefix prefix({&body}, {24, 24, 1});
  const Tensor images = input_of("images", {8, 24, 24, 1});  // one chunk
  const Tensor features = prefix.run(images);
  EXPECT_EQ(prefix.units(), body.units());
  EXPECT_EQ(features.to_host(), body.forward(images).to_host());
  EXPECT_EQ(prefix.forward(features).to_host(), features.to_host()) << "nothing lies behind it";
}

TEST(FrozenPrefix, RunsOnAnyChainWithoutATapeAndItsGradientsAreThoseOfTheWhole) {
  SmallChain chain;
  freeze_first(chain);
  FrozenPrefix prefix({&chain}, {5});
  const Tensor x = input_of("x", {19, 5});
  const Tensor features = prefix.run(x);
  EXPECT_EQ(prefix.units(), 2) << "gelu has nothing to train";
  EXPECT_EQ(features.shape(), (Shape{19, 7}));
  EXPECT_FALSE(features.requires_grad());
  EXPECT_EQ(run_in_threes(prefix, x).to_host(), features.to_host());
  const auto gradient = [&](const Tensor& y) {
    Tensor weight = tensor_called(chain, "last.weight");
    weight.zero_grad();
    backward({{y, input_of("dy", y.shape())}});
    return weight.grad().to_host();
  };
  const std::vector<float> kept = gradient(prefix.forward(features));
  EXPECT_EQ(kept, gradient(chain.forward(prefix.inputs(x)[0], 2)));
  EXPECT_LE(relative_error(kept, as_reals(gradient(chain.forward(x)))), 1e-6);
  EXPECT_FALSE(tensor_called(chain, "first.weight").grad().defined());
}

// Another batch size may take a kernel that sums in another order.
TEST(FrozenPrefix, RunsInChunksOfOneSizeOncePerInputAndForAllThatShare) {
  SmallChain actor, critic;
  freeze_first(actor);
  freeze_first(critic);
  FrozenPrefix prefix({&actor, &critic}, {5});
  prefix.run(input_of("x", {11, 5}));
  prefix.run(input_of("x", {1, 5}));
  EXPECT_EQ(actor.batches, (std::vector<std::int64_t>(3, 8)));
  EXPECT_TRUE(critic.batches.empty());
}

TEST(FrozenPrefix, WithoutAFrozenUnitTheFeaturesAreTheInputs) {
  SmallChain chain, other;
  FrozenPrefix prefix({&chain, &other}, {5}, false);
  const Tensor x = input_of("x", {3, 5});
  EXPECT_EQ(prefix.units(), 0);
  EXPECT_TRUE(prefix.shared());
  EXPECT_EQ(prefix.run(x).to_host(), x.to_host());
  EXPECT_EQ(prefix.forward(prefix.run(x), 1).to_host(), other.forward(x).to_host());
}

TEST(FrozenPrefix, TheIdChangesWithDepthValuesAndPreprocessingAlone) {
  SmallChain chain;
  freeze_first(chain);
  FrozenPrefix prefix({&chain}, {5});
  std::uint64_t id = prefix.id();
  const auto changed = [&] { return std::exchange(id, prefix.id()) != prefix.id(); };
  prefix.run(input_of("x", {3, 5}));
  EXPECT_FALSE(changed());
  change_one_value(tensor_called(chain, "last.weight"));
  EXPECT_FALSE(changed()) << "it lies behind the prefix";
  change_one_value(tensor_called(chain, "first.bias"));
  EXPECT_TRUE(changed());
  freeze_all(chain);
  EXPECT_TRUE(changed());
  EXPECT_EQ(prefix.units(), 3);
  change_one_value(tensor_called(chain, "offset"));
  EXPECT_TRUE(changed()) << "a buffer";
  prefix.set_preprocessing([](const Tensor& raw) { return add(raw, raw); });
  EXPECT_TRUE(changed());
  EXPECT_FALSE(changed());
}

TEST(FrozenPrefix, OwnersShareWhileTheirValuesAreEqualAndKeepTheirOwnFeaturesWhenTheyPart) {
  SmallChain actor, critic;
  freeze_first(actor);
  freeze_first(critic);
  FrozenPrefix prefix({&actor, &critic}, {5});
  const Tensor x = input_of("x", {9, 5});
  EXPECT_TRUE(prefix.shared());
  const std::uint64_t id = prefix.id();
  const std::vector<float> once = prefix.run(x).to_host();

  Tensor weight = tensor_called(critic, "first.weight");
  const std::vector<float> before = weight.to_host();
  weight.copy_from_host(input_of("other", weight.shape()).to_host());
  EXPECT_FALSE(prefix.shared());
  EXPECT_NE(prefix.id(), id);
  const Tensor both = prefix.run(x);
  EXPECT_EQ(both.shape(), (Shape{9, 14}));
  EXPECT_EQ(prefix.input(both, 0).to_host(), once);
  EXPECT_EQ(prefix.input(both, 1).to_host(), prefix.inputs(x)[1].to_host());
  EXPECT_NE(prefix.input(both, 1).to_host(), once);

  weight.copy_from_host(before);
  EXPECT_TRUE(prefix.shared());
  FrozenPrefix apart({&actor, &critic}, {5}, false);
  EXPECT_FALSE(apart.shared());
}

TEST(FrozenPrefix, IsAsDeepAsItsShallowestOwner) {
  SmallChain deep, shallow;
  freeze_all(deep);
  freeze_first(shallow);
  EXPECT_EQ(FrozenPrefix({&deep, &shallow}, {5}).units(), 2);
  EXPECT_EQ(FrozenPrefix({&shallow, &deep}, {5}).units(), 2);
}

TEST(FrozenPrefixOfResNets, OfDifferentFormsEachHasADepthAndFeaturesOfItsOwn) {
  const Shape image{24, 24, 3};
  ResNet eighteen(backend(), 18, 3, true, {1, true}), fifty(backend(), 50, 3, true, {1, false});
  eighteen.load(closed_form_resnet(18));
  fifty.load(closed_form_resnet(50));
  freeze_parameters(eighteen, [](std::string_view) { return true; });
  freeze_parameters(fifty, [](std::string_view name) { return !name.starts_with("layer1.2"); });
  FrozenPrefix prefix({&eighteen, &fifty}, image);
  EXPECT_EQ(prefix.units(0), 4) << "stem, two blocks, pooling";
  EXPECT_EQ(prefix.units(1), 3) << "stem, two of three blocks";
  EXPECT_FALSE(prefix.shared());
  EXPECT_EQ(prefix.width(), 64 + 6 * 6 * 256);
  const Tensor images = input_of("images", {2, 24, 24, 3});
  const Tensor features = prefix.run(images);
  ASSERT_EQ(features.shape(), (Shape{2, prefix.width()}));
  const auto error = [&](std::size_t owner, ResNet& body) {
    const NoGradGuard no_grad;
    return relative_error(prefix.forward(features, owner).to_host(),
                          as_reals(body.forward(images).to_host()));
  };
  EXPECT_LE(error(0, eighteen), 1e-6);
  EXPECT_LE(error(1, fifty), 1e-6);

  const std::uint64_t id = prefix.id();
  freeze_parameters(fifty, [](std::string_view) { return true; });
  EXPECT_EQ(prefix.units(1), 4);
  EXPECT_NE(prefix.id(), id);
  EXPECT_THROW(prefix.input(narrow_cols(features, 0, 64), 0), Error);
}

TEST(FrozenPrefix, PreprocessesWhatItIsGiven) {
  SmallChain chain;
  freeze_first(chain);
  FrozenPrefix prefix({&chain}, {5});
  const std::vector<float> plain = prefix.run(input_of("x", {2, 5})).to_host();
  prefix.set_preprocessing([](const Tensor& raw) { return raw.reshape({raw.numel() / 5, 5}); });
  EXPECT_EQ(prefix.run(input_of("x", {10})).to_host(), plain);
}

TEST(FrozenPrefix, RefusesWhatItCannotKeep) {
  SmallChain chain;
  freeze_first(chain);
  FrozenPrefix prefix({&chain}, {5});
  EXPECT_EQ(error_of([&] {
              prefix.run(input_of("x", {2, 6}));
            }),
            "[frozen_prefix] inputs are [2,6] and must be n > 0 times [5]");
  EXPECT_EQ(error_of([&] {
              prefix.run(Tensor::zeros(backend(), {0, 5}));
            }),
            "[frozen_prefix] inputs are [0,5] and must be n > 0 times [5]");
  Tensor trains = input_of("x", {2, 5});
  trains.set_requires_grad(true);
  EXPECT_EQ(error_of([&] { prefix.run(trains); }),
            "[frozen_prefix] the inputs require a gradient, which a prefix does not pass: call the "
            "chain's forward");
  const Tensor features = prefix.run(input_of("x", {2, 5}));
  freeze_all(chain);
  EXPECT_EQ(error_of([&] { prefix.input(features); }),
            "[frozen_prefix] features are [2,7] and must have 4 columns: were they kept under "
            "another id?");
  EXPECT_EQ(error_of([] { FrozenPrefix({}, {5}); }),
            "[frozen_prefix] it needs at least one chain of units");
}

}  // namespace
}  // namespace frost
