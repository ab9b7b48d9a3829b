#include "models/policies/image_actor_critic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "tests/golden/closed_form_resnet.h"
#include "tests/op_table/op_cases.h"

// The frozen prefix of the image network: kept features, sharing, folding, dead taps.
namespace frost {
namespace {

constexpr int kSide = 40;

/// A GPU where there is one.
Backend& backend() {
  const BackendStatus last = available_backends().back();
  return last.backend != nullptr ? *last.backend : cpu_backend();
}

ActorCriticConfig image_config(const std::string& mode, FreezeSavings savings = {}) {
  ActorCriticConfig config;
  config.value_components = 6;
  config.observation = ObservationKind::kImage;
  config.picture.height = config.picture.width = kSide;
  config.choices = 0;
  config.continuous_dims = 1;
  config.continuous_heads = 5;
  config.backbone.freeze_mode = mode;
  config.backbone.savings = savings;
  return config;
}

void fill_closed_form(ImageActorCritic& network) {
  for (NamedTensor& p : network.parameters()) {
    if (p.name.find(".body.") != std::string::npos) continue;
    p.tensor.copy_from_host(closed_form_tensor(p.name, p.tensor.shape()).to_floats(p.name));
  }
  network.load_bodies(closed_form_resnet(18));
}

std::unique_ptr<ImageActorCritic> make_network(const ActorCriticConfig& config) {
  auto network = std::make_unique<ImageActorCritic>(backend(), config);
  fill_closed_form(*network);
  return network;
}

std::vector<Observation> pictures(int count) {
  std::vector<Observation> all;
  for (int i = 0; i < count; ++i) {
    PictureObservation image;
    const auto values = closed_form_values("picture" + std::to_string(i), kSide * kSide, 1.0);
    for (const float v : values) {
      image.pixels.push_back(static_cast<std::uint8_t>(128 + std::clamp(40 * v, -120.0f, 120.0f)));
    }
    all.emplace_back(std::move(image));
  }
  return all;
}

std::vector<const Observation*> views(const std::vector<Observation>& all, std::size_t begin,
                                      std::size_t count) {
  std::vector<const Observation*> pointers;
  for (std::size_t i = begin; i < begin + count; ++i) pointers.push_back(&all[i]);
  return pointers;
}

/// Gradients of everything that trains, from one backward pass of the outputs.
std::vector<NamedTensor> gradients(ImageActorCritic& network, const StateBatch& batch) {
  std::vector<NamedTensor> trainable;
  for (NamedTensor& p : network.parameters()) {
    p.tensor.zero_grad();
    if (p.tensor.requires_grad()) trainable.push_back(p);
  }
  const PolicyOutput out = network.forward(batch);
  const auto cotangent = [](const Tensor& y) {
    return Tensor::from_host(backend(), y.shape(),
                             closed_form_cotangent(static_cast<std::size_t>(y.numel())));
  };
  backward({{out.gaussian, cotangent(out.gaussian)}, {out.values, cotangent(out.values)}});
  for (NamedTensor& p : trainable) p.tensor = p.tensor.grad();
  return trainable;
}

double relative_difference(const Tensor& a, const Tensor& b) {
  return relative_error(a.to_host(), as_reals(b.to_host()));
}

// Numbers of bench/pytorch/check.py, which holds the network on torchvision to the same.
TEST(PictureOutputs, AreThoseOfTheSameNetworkInPytorch) {
  ActorCriticConfig config;
  config.observation = ObservationKind::kImage;
  config.picture = {.height = 33, .width = 33, .channels = 3, .frames = 3, .values = 2};
  config.rows = 2;
  config.choices = 3;
  config.continuous_dims = config.continuous_heads = 0;
  config.value_components = 2;
  const auto network = make_network(config);
  constexpr std::size_t kBytes = 3 * 33 * 33 * 3;
  const auto pixels = closed_form_values("pictures", 2 * kBytes, 128.0, 128.0);
  const auto values = closed_form_values("values", 4, 1.0);
  std::vector<Observation> seen;
  for (std::size_t i = 0; i < 2; ++i) {
    PictureObservation picture;
    for (std::size_t k = 0; k < kBytes; ++k) {
      picture.pixels.push_back(static_cast<std::uint8_t>(pixels[i * kBytes + k]));
    }
    picture.values = {values[2 * i], values[2 * i + 1]};
    seen.emplace_back(std::move(picture));
  }
  const PolicyOutput out = network->forward(network->make_batch(views(seen, 0, 2)));
  const auto expect = [](const Tensor& got, const std::vector<double>& expected) {
    EXPECT_LT(relative_error(got.to_host(), expected), 1e-5);
  };
  expect(out.logits, {0.742239, -1.79073, 0.0865082, 0.120366, -1.15734, 1.24007, 0.68611, -1.70236,
                      -0.225308, -0.444271, -1.16727, 1.17351});
  expect(out.values, {-0.208549, 1.14493, -0.261693, 1.3518});
}

class CachedModes : public testing::TestWithParam<std::string> {};

// What was kept at collection in batches of 3 is what any later batch computes anew, to the bit.
TEST_P(CachedModes, KeptFeaturesEqualRecomputedOnesInOutputsAndGradients) {
  const auto network = make_network(image_config(GetParam()));
  const std::vector<Observation> seen = pictures(11);
  std::vector<Tensor> kept;
  for (std::size_t begin = 0; begin < seen.size(); begin += 3) {
    const std::size_t count = std::min<std::size_t>(3, seen.size() - begin);
    kept.push_back(network->encode(network->make_batch(views(seen, begin, count))));
  }
  const StateBatch cached = make_feature_batch(concat_rows(kept));
  const StateBatch images = network->make_batch(views(seen, 0, seen.size()));
  EXPECT_EQ(network->encode(images).to_host(), cached.features.to_host());
  EXPECT_EQ(network->forward(images).gaussian.to_host(),
            network->forward(cached).gaussian.to_host());
  EXPECT_EQ(network->values(images).to_host(), network->values(cached).to_host());
  const auto from_images = gradients(*network, images), from_cache = gradients(*network, cached);
  ASSERT_EQ(from_images.size(), from_cache.size());
  for (std::size_t i = 0; i < from_images.size(); ++i) {
    EXPECT_EQ(from_images[i].tensor.to_host(), from_cache[i].tensor.to_host())
        << from_images[i].name;
  }
}

TEST_P(CachedModes, OneSharedPrefixEqualsTwoSeparateOnes) {
  FreezeSavings separate;
  separate.sharing = false;
  const auto one = make_network(image_config(GetParam()));
  const auto two = make_network(image_config(GetParam(), separate));
  EXPECT_TRUE(one->prefix()->shared());
  EXPECT_FALSE(two->prefix()->shared());
  const std::vector<Observation> seen = pictures(5);
  const StateBatch batch = one->make_batch(views(seen, 0, 5));
  StateBatch split = batch;
  split.features = two->encode(batch);
  EXPECT_EQ(split.features.dim(1), 2 * one->encode(batch).dim(1));
  EXPECT_LE(relative_difference(one->forward(batch).gaussian, two->forward(split).gaussian), 1e-6);
  EXPECT_LE(relative_difference(one->values(batch), two->values(split)), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Modes, CachedModes, testing::Values("all", "until_layer3", "layer4.1"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

class PlainModes : public testing::TestWithParam<std::string> {};

TEST_P(PlainModes, FoldedEqualsUnfoldedInOutputsAndGradients) {
  FreezeSavings unfolded;
  unfolded.folding = false;
  const auto folded = make_network(image_config(GetParam()));
  const auto plain = make_network(image_config(GetParam(), unfolded));
  const std::vector<Observation> seen = pictures(4);
  const StateBatch batch = folded->make_batch(views(seen, 0, 4));
  EXPECT_LE(relative_difference(folded->forward(batch).gaussian, plain->forward(batch).gaussian),
            1e-5);
  const auto ours = gradients(*folded, batch), theirs = gradients(*plain, batch);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_LE(relative_difference(ours[i].tensor, theirs[i].tensor), 1e-5) << ours[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, PlainModes, testing::Values("none", "layer4.1"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

/// y, dx and dw of one convolution whose map is below the kernel's reach.
std::vector<Tensor> small_map_convolution(std::int64_t side, std::int64_t channels,
                                          std::int64_t stride) {
  const auto tensor = [](const char* name, const Shape& shape) {
    const auto values = closed_form_values(name, static_cast<std::size_t>(numel(shape)), 0.1);
    Tensor t = Tensor::from_host(backend(), shape, values);
    t.set_requires_grad(true);
    return t;
  };
  const Tensor x = tensor("x", {16, side, side, channels});
  const Tensor w = tensor("w", {channels, 3, 3, channels});
  const Tensor y = conv2d(x, w, stride, 1);
  backward({{y, Tensor::from_host(backend(), y.shape(),
                                  closed_form_cotangent(static_cast<std::size_t>(y.numel())))}});
  return {y, x.grad(), w.grad()};
}

TEST(DeadTaps, LeavingThemOutChangesNeitherOutputsNorGradients) {
  for (const std::int64_t side : {1, 2, 3}) {
    for (const std::int64_t channels : {64, 256}) {
      for (const std::int64_t stride : {1, 2}) {
        if (side == 3 && stride == 1) continue;  // every tap meets data somewhere
        const auto alive = small_map_convolution(side, channels, stride);
        backend().configure({.skip_dead_taps = false});
        const auto dense = small_map_convolution(side, channels, stride);
        backend().configure({});
        for (std::size_t i = 0; i < alive.size(); ++i) {
          EXPECT_LE(relative_difference(alive[i], dense[i]), 1e-6)
              << side << " " << channels << " " << stride << " " << i;
        }
      }
    }
  }
}

TEST(Prefix, ReachesAsFarAsNothingTrains) {
  const std::map<std::string, int> units = {{"none", 0},       {"all", 10},     {"until_layer3", 7},
                                            {"last_block", 7}, {"layer4.1", 8}, {"bn_affine", 0}};
  for (const auto& [mode, depth] : units) {
    const auto network = std::make_unique<ImageActorCritic>(backend(), image_config(mode));
    EXPECT_EQ(network->prefix()->units(), depth) << mode;
  }
}

TEST(Prefix, PartsAtOnceWhenOneSideChangesAndIsSharedAgainWhenTheyAgree) {
  const auto network = make_network(image_config("all"));
  EXPECT_TRUE(network->prefix()->shared());
  const std::uint64_t id = network->prefix_id();
  EXPECT_EQ(network->prefix_id(), id) << "nothing changed";
  Tensor statistic = network->critic_body().buffers().front().tensor;
  std::vector<float> values = statistic.to_host();
  values[3] = std::nextafter(values[3], 1e30f);
  statistic.copy_from_host(values);
  EXPECT_FALSE(network->prefix()->shared());
  EXPECT_NE(network->prefix_id(), id);
  network->load_bodies(closed_form_resnet(18));
  EXPECT_TRUE(network->prefix()->shared());
}

TEST(Prefix, AChangeOfTheFreezeModeMakesAnotherPrefix) {
  const auto network = make_network(image_config("all"));
  const std::uint64_t all = network->prefix_id();
  network->set_freeze_mode(find_freeze_mode("until_layer3"), 1e-4);
  EXPECT_NE(network->prefix_id(), all);
  EXPECT_EQ(network->prefix()->units(), 7);
  network->set_freeze_mode(find_freeze_mode("none"), 1e-4);
  const std::vector<Observation> seen = pictures(1);
  EXPECT_FALSE(network->encode(network->make_batch(views(seen, 0, 1))).defined());
}

TEST(Prefix, KeepsNothingForTheBackwardPassAndPacksOneBody) {
  const auto network = make_network(image_config("all"));
  const std::vector<Observation> seen = pictures(2);
  const auto bytes = [](MemoryTag tag) { return backend().ledger().snapshot().live_of(tag); };
  const std::int64_t saved = bytes(MemoryTag::kSaved);
  const Tensor features = network->encode(network->make_batch(views(seen, 0, 2)));
  EXPECT_EQ(bytes(MemoryTag::kSaved), saved);
  EXPECT_FALSE(features.requires_grad());
  const std::int64_t packed = bytes(MemoryTag::kPacked);
  network->values(network->make_batch(views(seen, 0, 2)));
  EXPECT_EQ(bytes(MemoryTag::kPacked), packed) << "the critic's body was prepared too";
}

TEST(ImageActorCritic, RefusesAnActionWiderThanItsHeads) {
  ActorCriticConfig config = image_config("all");
  config.continuous_dims = 6;
  EXPECT_THROW(ImageActorCritic(backend(), config), Error);
}

TEST(ImageBatch, ANetworkRefusesWhatItCannotRead) {
  const auto network = std::make_unique<ImageActorCritic>(backend(), image_config("all"));
  const Observation graph = GraphObservation{}, small = PictureObservation{{1, 2, 3}, {}};
  EXPECT_THROW(network->make_batch({&graph}), Error);
  EXPECT_THROW(network->make_batch({&small}), Error);
}

}  // namespace
}  // namespace frost
