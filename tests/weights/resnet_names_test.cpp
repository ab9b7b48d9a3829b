#include "weights/resnet_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "engine/host_dtype.h"
#include "tests/golden_files.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

using test::refuses;

HostTensor filled(const std::vector<std::int64_t>& shape, float value) {
  return HostTensor::from_floats(
      shape, std::vector<float>(static_cast<std::size_t>(checked_product(shape).value()), value));
}

/// A complete state dict; tensor number i holds the value i + 1, so that a mix-up shows.
StateDict complete_state() {
  StateDict state;
  float value = 1;
  for (const TensorSpec& spec : resnet_tensors(18)) state[spec.name] = filled(spec.shape, value++);
  for (const std::string& name : resnet_counters(18)) state[name] = HostTensor::from_int64({}, {5});
  return state;
}

StateDict prefixed(const std::string& prefix, const StateDict& state) {
  StateDict out;
  for (const auto& [name, tensor] : state) out[prefix + name] = tensor;
  return out;
}

bool maps_to_the_whole_network(StateDict state) {
  StateDict expected = complete_state();
  for (const std::string& name : resnet_counters(18)) expected.erase(name);
  const ResNetMapping mapping = map_resnet(std::move(state));
  return mapping.complete() && test::same_tensors(mapping.tensors, expected);
}

testing::AssertionResult refused_as(StateDict state, const std::string& cause) {
  return refuses([&] { require_complete(map_resnet(std::move(state)), "f"); }, cause);
}

TEST(ResNetNames, ParametersByStageAreTheKnownCounts) {
  std::map<std::string, std::int64_t> counts;
  std::int64_t running = 0;
  for (const TensorSpec& spec : resnet_tensors(18)) {
    const std::int64_t numel = checked_product(spec.shape).value();
    (spec.is_parameter() ? counts[spec.stage()] : running) += numel;
  }
  const std::map<std::string, std::int64_t> expected = {
      {"conv1", 9408},     {"bn1", 128},        {"layer1", 147968}, {"layer2", 525568},
      {"layer3", 2099712}, {"layer4", 8393728}, {"fc", 513000}};
  EXPECT_EQ(counts, expected);
  EXPECT_EQ(running, 9600);
  EXPECT_EQ(resnet_tensors(18).size(), 102u);
  EXPECT_EQ(resnet_counters(18).size(), 20u);
}

TEST(ResNetNames, EveryDepthHasTorchvisionsCounts) {
  const auto parameters = [](int depth) {
    std::int64_t sum = 0;
    for (const TensorSpec& spec : resnet_tensors(depth)) {
      if (spec.is_parameter()) sum += checked_product(spec.shape).value();
    }
    return sum;
  };
  EXPECT_EQ(parameters(18), 11689512);
  EXPECT_EQ(parameters(34), 21797672);
  EXPECT_EQ(parameters(50), 25557032);
  EXPECT_EQ(resnet_tensors(34).size(), 182u);
  EXPECT_EQ(resnet_tensors(50).size(), 267u);
  EXPECT_EQ(resnet_counters(50).size(), 53u);
  EXPECT_EQ(resnet_features(34), 512);
  EXPECT_EQ(resnet_features(50), 2048);
  EXPECT_TRUE(refuses([] { resnet_tensors(101); }, "there is no ResNet101"));
}

TEST(ResNetNames, TheListIsThatOfARealFile) {
  if (data_path().empty()) GTEST_SKIP() << "FROST_DATA is not set";
  const auto file = read_safetensors(data_path() / "weights" / "resnet18_imagenet.safetensors");
  EXPECT_EQ(file.tensors.size(), 122u);
  for (const TensorSpec& spec : resnet_tensors(18)) {
    ASSERT_TRUE(file.tensors.contains(spec.name)) << spec.name;
    EXPECT_EQ(file.tensors.at(spec.name).shape, spec.shape) << spec.name;
  }
  for (const std::string& name : resnet_counters(18)) EXPECT_TRUE(file.tensors.contains(name));
  EXPECT_TRUE(map_resnet(file.tensors).complete());
}

TEST(ResNetNames, PrefixesAndWrappersStack) {
  EXPECT_TRUE(maps_to_the_whole_network(complete_state()));
  for (const char* prefix :
       {"module.", "_orig_mod.module.", "state_dict.module.", "model.",
        "state_dict.model.backbone.", "model.state_dict.encoder.", "model_state_dict.net.",
        "model_ema.", "resnet.", "r3m.module.convnet.", "any.thing.at.all."}) {
    EXPECT_TRUE(maps_to_the_whole_network(prefixed(prefix, complete_state()))) << prefix;
  }
}

TEST(ResNetNames, SiblingsOfTheWrapperAreDroppedAndListed) {
  StateDict state = prefixed("state_dict.", complete_state());
  state["optimizer.state.0.exp_avg"] = filled({3}, 1);
  state["model_ema.conv1.weight"] = filled({1}, 1);
  const ResNetMapping mapping = map_resnet(std::move(state));
  EXPECT_TRUE(mapping.complete());
  EXPECT_EQ(std::count(mapping.dropped.begin(), mapping.dropped.end(), "optimizer.state.0.exp_avg"),
            1);
  EXPECT_EQ(std::count(mapping.dropped.begin(), mapping.dropped.end(), "model_ema.conv1.weight"),
            1);
  EXPECT_EQ(mapping.prefix, "state_dict.");
  EXPECT_EQ(mapping.depth, 18);
  EXPECT_EQ(mapping.classes, 1000);
}

TEST(ResNetNames, OfAMocoCheckpointTheQueryEncoderIsTaken) {
  StateDict encoder = complete_state();
  encoder["fc.weight"] = filled({128, 512}, 1);
  encoder["fc.bias"] = filled({128}, 1);
  StateDict state = prefixed("state_dict.module.encoder_q.", encoder);
  state.merge(prefixed("state_dict.module.encoder_k.", encoder));
  state["state_dict.module.queue"] = filled({128, 8}, 1);
  const MapOptions named = {.prefix = "state_dict.module.encoder_q"};
  EXPECT_FALSE(map_resnet(state, named).has_classifier()) << "what it projects to are no classes";
  const ResNetMapping mapping = map_resnet(std::move(state));
  EXPECT_TRUE(mapping.complete());
  EXPECT_FALSE(mapping.has_classifier());
  EXPECT_EQ(mapping.tensors.size(), 100u);
  EXPECT_EQ(mapping.tensors.at("bn1.weight").to_floats("bn1.weight")[0], 2);

  // Later versions project with two layers.
  StateDict two = complete_state();
  for (const char* name : {"fc.weight", "fc.bias"}) two.erase(name);
  two["fc.0.weight"] = filled({512, 512}, 1);
  two["fc.2.weight"] = filled({128, 512}, 1);
  EXPECT_TRUE(map_resnet(prefixed("module.encoder_q.", two)).complete());
}

TEST(ResNetNames, TheClassifierKeepsItsClasses) {
  StateDict state = complete_state();
  state["fc.weight"] = filled({10, 512}, 1);
  state["fc.bias"] = filled({10}, 1);
  const ResNetMapping mapping = map_resnet(state);
  EXPECT_EQ(mapping.classes, 10);
  EXPECT_EQ(mapping.tensors.at("fc.weight").shape, (std::vector<std::int64_t>{10, 512}));
  const ResNetMapping without = map_resnet(state, {.prefix = "", .no_head = true});
  EXPECT_EQ(without.classes, 0);
  EXPECT_FALSE(without.has_classifier());
  EXPECT_EQ(without.tensors.size(), 100u);
}

TEST(ResNetNames, TheClassifierMayBeAbsentAsAWhole) {
  StateDict state = complete_state();
  state.erase("fc.weight");
  EXPECT_FALSE(map_resnet(state).has_classifier());
  state.erase("fc.bias");
  const ResNetMapping mapping = map_resnet(std::move(state));
  EXPECT_TRUE(mapping.complete());
  EXPECT_FALSE(mapping.has_classifier());
  EXPECT_EQ(mapping.tensors.size(), 100u);
}

TEST(ResNetNames, TheStemMayBeGrey) {
  StateDict state = complete_state();
  state["conv1.weight"] = filled({64, 1, 7, 7}, 1);
  EXPECT_TRUE(map_resnet(std::move(state)).complete());
}

TEST(ResNetNames, OtherNetworksAreNamed) {
  const auto with = [](const std::string& name, const std::vector<std::int64_t>& shape) {
    StateDict state = complete_state();
    state[name] = filled(shape, 1);
    return state;
  };
  EXPECT_TRUE(refused_as(with("conv1.weight", {64, 3, 3, 3}), "a CIFAR stem"));
  EXPECT_TRUE(refused_as(with("conv1.weight", {64, 6, 7, 7}), "a stem for 6 channels"));
  EXPECT_TRUE(refused_as(with("layer1.2.conv1.weight", {64, 64, 3, 3}),
                         "nearest is ResNet18; 1 unexpected ('layer1.2.conv1.weight')"));
  EXPECT_TRUE(refused_as(with("layer1.0.conv1.weight", {128, 64, 1, 1}), "a wide ResNet"));
  EXPECT_TRUE(refused_as(with("layer3.22.conv1.weight", {256, 1024, 1, 1}), "ResNet101"));
  EXPECT_TRUE(refused_as(with("layer1.0.conv1.bias", {64}), "folded BatchNorm"));
  EXPECT_TRUE(refused_as(with("conv1.weight", {7, 7, 3, 64}), "another order"));
  EXPECT_TRUE(refused_as({}, "ResNet 18, 34 or 50; probably a file without tensors; 1 missing (a"))
      << "nothing is nearest";
  EXPECT_TRUE(refused_as({}, "import it with import_weights --prefix PLACE"));
  StateDict part = prefixed("a.net.", complete_state());
  part.erase("a.net.layer3.0.bn2.bias");
  EXPECT_TRUE(refused_as(part, "ResNet18 below 'a.net.'; 1 missing (layer3.0.bn2.bias)"));
  StateDict deep = complete_state();
  deep.erase("conv1.weight");
  deep["conv1.0.weight"] = filled({32, 3, 3, 3}, 1);
  EXPECT_TRUE(refused_as(deep, "deep stem"));
}

TEST(ResNetNames, ValuesMustBePossible) {
  const auto with = [](const std::string& name, float value) {
    StateDict state = complete_state();
    HostTensor& tensor = state.at(name);
    auto values = tensor.to_floats(name);
    values[3] = value;
    tensor = HostTensor::from_floats(tensor.shape, values);
    return state;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(refused_as(with("layer2.0.conv1.weight", nan), "'layer2.0.conv1.weight'[3] is nan"));
  EXPECT_TRUE(refused_as(with("fc.bias", -infinity), "'fc.bias'[3] is -inf"));
  EXPECT_TRUE(refused_as(with("bn1.running_var", -1), "'bn1.running_var'[3] is -1"));
  EXPECT_TRUE(map_resnet(with("bn1.running_var", 0)).complete());
  EXPECT_TRUE(map_resnet(with("bn1.running_mean", -1)).complete());
}

TEST(ResNetNames, DtypesAreWidenedAndIntegersRefused) {
  StateDict state = complete_state();
  state["bn1.bias"] = {"F16", {64}, std::vector<std::byte>(128)};
  state["bn1.weight"] = {"F64", {64}, std::vector<std::byte>(512)};
  const ResNetMapping mapping = map_resnet(state);
  EXPECT_EQ(mapping.tensors.at("bn1.bias").dtype, "F32");
  EXPECT_EQ(mapping.tensors.at("bn1.weight").bytes.size(), 256u);
  ASSERT_EQ(mapping.notes.size(), 1u);
  EXPECT_NE(mapping.notes[0].find("64 BatchNorm channels"), std::string::npos);
  state["bn1.bias"] = HostTensor::from_int64({64}, std::vector<std::int64_t>(64));
  EXPECT_TRUE(refused_as(state, "'bn1.bias' has dtype I64, as where weights are quantised"));
}

}  // namespace
}  // namespace frost
