#include "models/freeze.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>

#include "kernels/errors.h"
#include "models/policies/graph_actor_critic.h"
#include "tests/models/graph_fixture.h"
#include "tests/op_table/op_cases.h"
#include "tests/weights/weight_file_helpers.h"

namespace frost {
namespace {

Backend& backend() {
  return *test_backends().front();
}

/// What each mode trains: of one body, and of the whole network with its 700,434 other parameters.
struct Expectation {
  std::int64_t body, network;
};
const std::map<std::string, Expectation> kTrainable = {
    {"none", {11'176'512, 23'053'458}},        {"all", {0, 700'434}},
    {"until_layer3", {8'393'728, 17'487'890}}, {"last_block", {8'393'728, 17'487'890}},
    {"layer4.1", {4'720'640, 10'141'714}},     {"bn_affine", {9'600, 719'634}}};

ActorCriticConfig config_of(const std::string& mode, const std::string& adapter = "repeat3") {
  ActorCriticConfig config;
  config.value_components = 6;
  config.backbone.freeze_mode = mode;
  config.backbone.input_adapter = adapter;
  config.continuous_dims = 4;
  return config;
}

/// What each mode trains of one body, of torchvision's parameters.
const std::map<int, std::map<std::string, std::int64_t>> kBodyTrainable = {
    {18,
     {{"none", 11'176'512},
      {"all", 0},
      {"bn_affine", 9'600},
      {"until_layer1", 11'019'008},
      {"until_layer2", 10'493'440},
      {"until_layer3", 8'393'728},
      {"until_layer4", 0},
      {"last_stage", 8'393'728},
      {"last_block", 8'393'728},
      {"layer1.0", 11'166'976},
      {"layer1.1", 11'092'992},
      {"layer2.1", 10'788'864},
      {"layer4.0", 8'393'728},
      {"layer4.1", 4'720'640}}},
    {34,
     {{"none", 21'284'672},
      {"all", 0},
      {"bn_affine", 17'024},
      {"until_layer1", 21'053'184},
      {"until_layer2", 19'936'768},
      {"until_layer3", 13'114'368},
      {"until_layer4", 0},
      {"last_stage", 13'114'368},
      {"last_block", 13'114'368},
      {"layer1.0", 21'275'136},
      {"layer1.1", 21'201'152},
      {"layer2.1", 20'823'040},
      {"layer4.0", 13'114'368},
      {"layer4.1", 9'441'280},
      {"layer4.2", 4'720'640}}},
    {50,
     {{"none", 23'508'032},
      {"all", 0},
      {"bn_affine", 53'120},
      {"until_layer1", 23'282'688},
      {"until_layer2", 22'063'104},
      {"until_layer3", 14'964'736},
      {"until_layer4", 0},
      {"last_stage", 14'964'736},
      {"last_block", 14'964'736},
      {"layer1.0", 23'498'496},
      {"layer1.1", 23'423'488},
      {"layer2.1", 22'903'296},
      {"layer4.0", 14'964'736},
      {"layer4.1", 8'925'184},
      {"layer4.2", 4'462'592}}}};

TEST(FreezeTable, EveryModeOfEveryDepthTrainsWhatTorchvisionsCountsSay) {
  for (const auto& [depth, modes] : kBodyTrainable) {
    ResNet body(backend(), depth, 3);
    for (const auto& [mode, expected] : modes) {
      apply_freeze_mode(body, find_freeze_mode(mode, depth));
      EXPECT_EQ(count_parameters(body.parameters(), true), expected) << depth << " " << mode;
    }
  }
}

// What is frozen of a body is its beginning, so that it can be run once.
TEST(FreezeTable, EveryBlockIsAModeThatTrainsIsAndWhatIsBehindIt) {
  for (const int depth : {18, 50}) {
    ResNet body(backend(), depth, 3);
    const ResNetSpec& spec = body.spec();
    FrozenPrefix prefix({&body}, {24, 24, 1});
    for (int stage = 1; stage <= 4; ++stage) {
      for (int block = 0; block < spec.blocks.at(static_cast<std::size_t>(stage - 1)); ++block) {
        const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(block);
        apply_freeze_mode(body, find_freeze_mode(name, depth));
        EXPECT_EQ(prefix.units(), spec.unit_of(stage, block)) << depth << " " << name;
      }
    }
  }
}

TEST(FreezeTable, UnknownModesAreAUsageErrorThatListsTheValidOnes) {
  const std::string eighteen =
      "none, all, until_layer1, until_layer2, until_layer3, until_layer4, last_stage, last_block, "
      "bn_affine, layer1.0, layer1.1, layer2.0, layer2.1, layer3.0, layer3.1, layer4.0, layer4.1";
  for (const char* mode : {"layer4.2", "layer5.0", "until_layer5", "half", ""}) {
    EXPECT_TRUE(test::refuses(
        [&] { find_freeze_mode(mode); },
        "'" + std::string(mode) + "' is no freeze mode of resnet18: use one of " + eighteen));
  }
  EXPECT_TRUE(test::refuses([] { find_freeze_mode("layer4.3", 50); },
                            "is no freeze mode of resnet50: use one of "));
  EXPECT_EQ(find_freeze_mode("layer4.2", 50).name, "layer4.2");
}

TEST(FreezeTable, ABodyHasTheDocumentedSizes) {
  const auto count = [](std::int64_t channels, const std::string& prefix) {
    std::int64_t total = 0;
    const ResNet body(backend(), 18, channels);
    for (const NamedTensor& p : body.parameters()) {
      if (p.name.starts_with(prefix)) total += p.tensor.numel();
    }
    return total;
  };
  EXPECT_EQ(count(3, ""), 11'176'512);
  EXPECT_EQ(count(1, ""), 11'170'240);
  EXPECT_EQ(count(3, "conv1"), 9'408);
  EXPECT_EQ(count(1, "conv1"), 3'136);
  EXPECT_EQ(count(3, "layer1"), 147'968);
  EXPECT_EQ(count(3, "layer2"), 525'568);
  EXPECT_EQ(count(3, "layer3"), 2'099'712);
  EXPECT_EQ(count(3, "layer4"), 8'393'728);
  const ResNet body(backend(), 18, 3);
  EXPECT_EQ(count_parameters(body.buffers(), false), 9'600);
}

TEST(FreezeTable, TheNetworkHasTheDocumentedSizes) {
  const GraphActorCritic network(backend(), config_of("none"));
  std::map<std::string, std::int64_t> sizes;
  for (const NamedTensor& p : network.parameters()) {
    const bool body = p.name.find(".body.") != std::string::npos;
    sizes[body ? "bodies" : p.name.substr(0, p.name.find('.'))] += p.tensor.numel();
  }
  EXPECT_EQ(
      sizes,
      (std::map<std::string, std::int64_t>{
          {"encoder", 368'896}, {"bodies", 22'353'024}, {"actor", 198'796}, {"critic", 132'742}}));
  EXPECT_EQ(count_parameters(network.parameters(), false), 23'053'458);
  const GraphActorCritic one_channel(backend(), config_of("none", "1ch_conv"));
  EXPECT_EQ(count_parameters(one_channel.parameters(), false), 23'040'914);
}

/// Any module with named parameters, here of two layers.
struct Mlp : Module {
  Mlp() : hidden(backend(), 3, 4), head(backend(), 4, 2) {
    register_module("hidden", hidden);
    register_module("head", head);
  }
  std::vector<std::string> trainable() const {
    std::vector<std::string> names;
    for (const NamedTensor& p : parameters()) {
      if (p.tensor.requires_grad()) names.push_back(p.name);
    }
    return names;
  }

  Linear hidden, head;
};

TEST(FreezeParameters, GoesByTheNamesOfAnyModule) {
  using Names = std::vector<std::string>;
  Mlp mlp;
  freeze_parameters(mlp, [](std::string_view name) { return name.starts_with("hidden."); });
  EXPECT_EQ(mlp.trainable(), (Names{"head.weight", "head.bias"}));
  mlp.head.bias.allocate_grad();
  freeze_parameters(mlp, [](std::string_view name) { return name.ends_with(".bias"); });
  EXPECT_EQ(mlp.trainable(), (Names{"hidden.weight", "head.weight"})) << "what was frozen thaws";
  EXPECT_FALSE(mlp.head.bias.grad().defined());
  apply_freeze_mode(mlp, find_freeze_mode("all"));
  EXPECT_EQ(mlp.trainable(), Names{});
  apply_freeze_mode(mlp, find_freeze_mode("none"));
  EXPECT_EQ(mlp.trainable().size(), 4u);
}

/// Named like a stage that no ResNet has.
struct FifthStage : Module {
  FifthStage() : unit(backend(), 3, 4) { register_module("layer5.0", unit); }
  Linear unit;
};

TEST(FreezeParameters, AllIsAllOfAnyModule) {
  FifthStage module;
  ASSERT_EQ(module.parameters().size(), 2u);
  apply_freeze_mode(module, find_freeze_mode("all"));
  for (const NamedTensor& p : module.parameters()) EXPECT_FALSE(p.tensor.requires_grad()) << p.name;
}

class FreezeModes : public testing::TestWithParam<std::string> {};

TEST_P(FreezeModes, TrainTheDocumentedNumberOfParameters) {
  const Expectation& expected = kTrainable.at(GetParam());
  const GraphActorCritic network(backend(), config_of(GetParam()));
  EXPECT_EQ(count_parameters(network.actor_body().parameters(), true), expected.body);
  EXPECT_EQ(count_parameters(network.critic_body().parameters(), true), expected.body);
  EXPECT_EQ(count_parameters(network.parameters(), true), expected.network);
  for (const NamedTensor& b : network.buffers()) {
    EXPECT_FALSE(b.tensor.requires_grad()) << b.name << " is a statistic and never trains";
  }
}

TEST_P(FreezeModes, OptimizerGroupsHoldWhatTrainsUnderTheirRates) {
  const GraphActorCritic network(backend(), config_of(GetParam()));
  std::map<std::string, std::int64_t> counts;
  std::map<std::string, double> rates;
  const Adam adam(network.param_groups());
  for (const ParamGroup& group : adam.groups()) {
    counts[group.name] = group.count();
    rates[group.name] = group.lr;
  }
  std::map<std::string, std::int64_t> expected{{"heads", 331'538}, {"encoder", 368'896}};
  if (GetParam() != "all") expected["backbone"] = 2 * kTrainable.at(GetParam()).body;
  EXPECT_EQ(counts, expected);
  EXPECT_EQ(rates.at("heads"), 3e-4);
  EXPECT_EQ(rates.at("encoder"), 3e-4);
  if (rates.count("backbone") != 0) {
    EXPECT_EQ(rates.at("backbone"), 1e-4);
  }
}

/// One backward pass and one optimizer step of a seeded network on two small colonies.
struct OneUpdate {
  explicit OneUpdate(const std::string& mode) : network(backend(), config_of(mode)) {
    fill_closed_form(network);
    for (const auto& tensors : {network.parameters(), network.buffers()}) {
      for (const NamedTensor& t : tensors) before[t.name] = t.tensor.to_host();
    }
    adam = std::make_unique<Adam>(network.param_groups());
    adam->zero_grad();
    const PolicyOutput out = network.forward(
        states_of(network, {graph_observation(5, "first"), graph_observation(4, "second")}));
    backward({{out.logits, cotangent(out.logits)},
              {out.gaussian, cotangent(out.gaussian)},
              {out.values, cotangent(out.values)}});
    adam->step(1.0);
  }

  static Tensor cotangent(const Tensor& y) {
    return Tensor::from_host(backend(), y.shape(),
                             closed_form_cotangent(static_cast<std::size_t>(y.numel())));
  }
  bool unchanged(const NamedTensor& t) const { return t.tensor.to_host() == before.at(t.name); }

  GraphActorCritic network;
  std::unique_ptr<Adam> adam;
  std::map<std::string, std::vector<float>> before;
};

std::int64_t live(MemoryTag tag) {
  return backend().ledger().snapshot().live_of(tag);
}

TEST_P(FreezeModes, OneUpdateChangesWhatTrainsAndNotOneBitOfTheRest) {
  const OneUpdate update(GetParam());
  for (const NamedTensor& b : update.network.buffers()) EXPECT_TRUE(update.unchanged(b)) << b.name;
  for (const NamedTensor& p : update.network.parameters()) {
    if (!p.tensor.requires_grad()) {
      EXPECT_TRUE(update.unchanged(p)) << p.name << " is frozen";
      EXPECT_FALSE(p.tensor.grad().defined()) << p.name << " is frozen";
    } else {
      EXPECT_FALSE(update.unchanged(p)) << p.name << " trains";
    }
  }
}

TEST_P(FreezeModes, GradientsReachTheEncoderThroughTheFrozenBody) {
  const OneUpdate update(GetParam());
  std::map<std::string, double> norms;
  for (const NamedTensor& p : update.network.parameters()) {
    if (!p.tensor.grad().defined()) continue;
    double squares = 0;
    for (const float g : p.tensor.grad().to_host()) squares += static_cast<double>(g) * g;
    ASSERT_TRUE(std::isfinite(squares)) << p.name;
    norms[p.name] = std::sqrt(squares);
  }
  EXPECT_GT(norms.at("actor.feature_proj.weight"), 0.0);
  EXPECT_GT(norms.at("critic.feature_proj.weight"), 0.0);
  EXPECT_GT(norms.at("encoder.node_projection.weight"), 0.0);
  EXPECT_GT(norms.at("encoder.graph_mlp.0.weight"), 0.0);
  EXPECT_GT(norms.at("encoder.layers.0.query.weight"), 0.0);
}

TEST_P(FreezeModes, GradientsAndMomentsTakeExactlyTwelveBytesPerTrainableParameter) {
  const std::int64_t gradients = live(MemoryTag::kGradients), moments = live(MemoryTag::kOptimizer);
  {
    const OneUpdate update(GetParam());
    EXPECT_EQ(live(MemoryTag::kGradients) - gradients, 4 * kTrainable.at(GetParam()).network);
    EXPECT_EQ(live(MemoryTag::kOptimizer) - moments, 8 * kTrainable.at(GetParam()).network);
  }
  EXPECT_EQ(live(MemoryTag::kGradients), gradients);
  EXPECT_EQ(live(MemoryTag::kOptimizer), moments);
}

INSTANTIATE_TEST_SUITE_P(Table, FreezeModes,
                         testing::Values("none", "all", "until_layer3", "last_block", "layer4.1",
                                         "bn_affine"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

TEST(FrozenBody, KeepsOneBitPerReluAndOneBytePerMaxPoolOutput) {
  constexpr std::int64_t kTokens = 8, kSide = GraphActorCritic::kImageSide;
  // ReLU outputs of the stem and of the four stages on 24x24 images; max-pool outputs.
  constexpr std::int64_t kRelu = 64 * 144 + 4 * (64 * 36 + 128 * 9 + 256 * 4 + 512),
                         kPooled = 64 * 36;
  static_assert(kRelu / 8 + kPooled == 5'952, "stays under 6 KiB per token");
  ResNet body(backend(), 18, 3);
  body.load(closed_form_resnet(18));
  apply_freeze_mode(body, find_freeze_mode("all"));
  Tensor images = Tensor::zeros(backend(), {kTokens, kSide, kSide, 1});
  images.set_requires_grad(true);
  const std::int64_t before = live(MemoryTag::kSaved);
  const Tensor y = body.forward(images);
  EXPECT_EQ(live(MemoryTag::kSaved) - before, kTokens * (kRelu / 8 + kPooled));
  backward({{y, OneUpdate::cotangent(y)}});
  EXPECT_EQ(live(MemoryTag::kSaved), before);
}

TEST(FrozenBody, KeepsNothingWhereNothingBelowTrains) {
  ResNet body(backend(), 18, 3);
  body.load(closed_form_resnet(18));
  apply_freeze_mode(body, find_freeze_mode("all"));
  const std::int64_t before = live(MemoryTag::kSaved);
  const Tensor y = body.forward(Tensor::zeros(backend(), {8, 24, 24, 1}));
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(live(MemoryTag::kSaved), before);
}

TEST(FrozenBody, ATrainableLastStageKeepsOnlyItsOwnInputs) {
  ResNet body(backend(), 18, 3);
  body.load(closed_form_resnet(18));
  apply_freeze_mode(body, find_freeze_mode("until_layer3"));
  const std::int64_t before = live(MemoryTag::kSaved);
  const Tensor y = body.forward(Tensor::zeros(backend(), {8, 24, 24, 1}));
  // The layer3 map meets two convolutions but is kept once; then three maps of 512; four ReLUs.
  EXPECT_EQ(live(MemoryTag::kSaved) - before, 8 * (256 * 4 * 4 + 3 * 512 * 4 + 4 * 512 / 8));
}

TEST(FreezeModeChange, FreezingDropsGradientBuffersAndThawingBringsTheTensorBack) {
  const std::int64_t before = live(MemoryTag::kGradients);
  GraphActorCritic network(backend(), config_of("none"));
  {
    const Adam adam(network.param_groups());
    EXPECT_EQ(live(MemoryTag::kGradients) - before, 4 * 23'053'458);
  }
  network.set_freeze_mode(find_freeze_mode("all"), 1e-4);
  EXPECT_EQ(live(MemoryTag::kGradients) - before, 4 * 700'434);
  network.set_freeze_mode(find_freeze_mode("layer4.1"), 1e-4);
  EXPECT_EQ(count_parameters(network.parameters(), true), 10'141'714);
  EXPECT_EQ(network.freeze_mode().name, "layer4.1");
}

}  // namespace
}  // namespace frost
