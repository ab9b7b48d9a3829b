#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include "engine/io/atomic_file.h"
#include "kernels/backend_registry.h"
#include "models/policies/graph_actor_critic.h"
#include "models/policies/image_actor_critic.h"
#include "tests/program_path.h"
#include "tests/text_files.h"
#include "tests/tools/runs/onnx_model.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/trainer.h"
#include "weights/resnet_names.h"
#include "weights/sha256.h"

// Runs the built export_weights on checkpoints of random networks.
namespace frost {
namespace {

namespace fs = std::filesystem;

struct Body {
  std::string architecture, adapter;
};

class ExportWeights : public testing::TestWithParam<Body> {
 protected:
  ExportWeights() {
    fs::create_directories(run_ / "checkpoints");
    config_.backbone.architecture = GetParam().architecture;
    config_.backbone.input_adapter = GetParam().adapter;
    network_ = std::make_unique<GraphActorCritic>(cpu_backend(), config_);
    RandomStream random(3, StreamPurpose::kInit);
    network_->initialize(random, true);
  }

  void write_checkpoint(const std::string& which, const StateDict& state) const {
    write_safetensors(
        run_ / "checkpoints" / (which + ".safetensors"),
        {state, {{"format", kCheckpointFormat}, {"config", "{}"}, {"updates", "12"}}});
  }
  StateDict network_state() const {
    StateDict state;
    save_network(*network_, state);
    return state;
  }

  /// Exit status; the messages are in `messages()`.
  int export_weights(const std::string& arguments) const {
    const std::string command = "'" + program_path("export_weights").string() + "' '" +
                                source_.string() + "' " + form_ + " '" + out_.string() + "' " +
                                arguments + " > /dev/null 2> '" + (folder_ / "err").string() + "'";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string messages() const { return read_text(folder_ / "err"); }

  test::TemporaryFolder folder_;
  fs::path run_ = folder_ / "run", out_ = folder_ / "body.safetensors", source_ = run_;
  std::string form_ = "-o";
  ActorCriticConfig config_;
  std::unique_ptr<GraphActorCritic> network_;
};

TEST_P(ExportWeights, TheBodyIsWrittenUnderTorchvisionsNamesAndLoadsBackBitForBit) {
  write_checkpoint("last", network_state());
  for (const std::string part : {"actor", "critic"}) {
    const ResNet& body = part == "actor" ? network_->actor_body() : network_->critic_body();
    ASSERT_EQ(export_weights("--part " + part), 0) << messages();
    SafetensorsFile file = read_safetensors(out_);
    for (const std::string& counter : resnet_counters(body.spec().depth)) {
      ASSERT_TRUE(file.tensors.contains(counter)) << counter;
      EXPECT_EQ(file.tensors.at(counter).to_int64(counter), std::vector<std::int64_t>{0});
      file.tensors.erase(counter);
    }
    EXPECT_TRUE(test::same_tensors(file.tensors, body.torchvision_state_dict()));
    const std::int64_t channels = GetParam().adapter == "1ch_conv" ? 1 : 3;
    EXPECT_EQ(file.tensors.at("conv1.weight").shape, (Shape{64, channels, 7, 7}));

    EXPECT_EQ(file.metadata["format"], "pt");
    EXPECT_EQ(file.metadata["architecture"], GetParam().architecture);
    EXPECT_EQ(file.metadata["preprocessing.mean"], "0.485 0.456 0.406");
    EXPECT_NE(file.metadata["source"].find(part + " body of"), std::string::npos);
    EXPECT_NE(file.metadata["source"].find("after update 12"), std::string::npos);
    EXPECT_EQ(file.metadata["source_sha256"],
              sha256_hex(read_regular_file(run_ / "checkpoints/last.safetensors", 1 << 30)));

    ResNet again(cpu_backend(), body.spec().depth, channels);
    again.load(file.tensors);
    EXPECT_TRUE(test::same_tensors(again.torchvision_state_dict(), body.torchvision_state_dict()));
  }
}

INSTANTIATE_TEST_SUITE_P(Bodies, ExportWeights,
                         testing::Values(Body{"resnet18", "repeat3"}, Body{"resnet18", "1ch_conv"},
                                         Body{"resnet50", "repeat3"}),
                         [](const auto& body) {
                           return body.param.architecture +
                                  (body.param.adapter == "repeat3" ? "" : "_one_channel");
                         });

class ExportWeightsOnce : public ExportWeights {};

TEST_P(ExportWeightsOnce, TheBestCheckpointComesFirstAndEitherCanBeAskedFor) {
  StateDict state = network_state();
  write_checkpoint("last", state);
  const std::string mean = "network.actor.body.bn1.running_mean";
  state[mean] = HostTensor::from_floats({64}, std::vector<float>(64, 5.0f));
  write_checkpoint("best", state);
  const auto exported = [&](const std::string& more) {
    EXPECT_EQ(export_weights("--part actor " + more), 0) << messages();
    return read_safetensors(out_).tensors.at("bn1.running_mean").to_floats("bn1.running_mean")[0];
  };
  EXPECT_EQ(exported(""), 5.0f);
  EXPECT_EQ(exported("--checkpoint best"), 5.0f);
  EXPECT_EQ(exported("--checkpoint last"), 0.0f);
}

TEST_P(ExportWeightsOnce, WhatIsNoCheckpointIsRefusedInOneLineAndNothingIsWritten) {
  const auto expect_refusal = [&](const std::string& arguments, int status,
                                  const std::string& part) {
    EXPECT_EQ(export_weights(arguments), status);
    EXPECT_NE(messages().find(part), std::string::npos) << messages();
    EXPECT_EQ(std::ranges::count(messages(), '\n'), 1) << messages();
    EXPECT_FALSE(fs::exists(out_));
  };
  expect_refusal("--part actor", 1, "holds neither");
  expect_refusal("--part encoder", 2, "encoder");
  expect_refusal("", 2, "--part");
  expect_refusal("--part body", 2, "--part actor or --part critic");
  expect_refusal("--part actor --onnx " + out_.string(), 2, "one of --output and --onnx");
  write_checkpoint("last", {{"other", HostTensor::from_int64({}, {1})}});
  expect_refusal("--part actor", 1, "holds no tensor network.actor.body.*");
  StateDict state = network_state();
  state.erase("network.actor.body.bn1.bias");
  write_checkpoint("last", state);
  expect_refusal("--part actor", 1, "bn1.bias");
  state = network_state();
  state["network.actor.body.bn1.running_var"] =
      HostTensor::from_floats({64}, std::vector<float>(64, -1.0f));
  write_checkpoint("last", state);
  expect_refusal("--part actor", 1, "variance");
}

TEST_P(ExportWeightsOnce, OnnxOfABodyNamesItsSourceAndAGraphPolicyIsRefused) {
  write_checkpoint("last", network_state());
  form_ = "--onnx";
  ASSERT_EQ(export_weights("--part body"), 0) << messages();
  const test::OnnxModel body = test::read_onnx(read_text(out_));
  EXPECT_EQ(body.inputs, std::vector<std::string>{"pictures"});
  EXPECT_EQ(body.outputs, std::vector<std::string>{"features"});
  EXPECT_EQ(body.metadata.at("source_sha256"),
            sha256_hex(read_regular_file(run_ / "checkpoints/last.safetensors", 1 << 30)));
  EXPECT_EQ(body.metadata.at("preprocessing.mean"), "0.485 0.456 0.406");
  fs::remove(out_);
  EXPECT_EQ(export_weights("--part actor"), 1);
  EXPECT_NE(messages().find("attention along the edges"), std::string::npos) << messages();
  EXPECT_EQ(export_weights(""), 2);
  EXPECT_FALSE(fs::exists(out_));
}

TEST_P(ExportWeightsOnce, OnnxOfABodyThatEndsAtATapIsItsMapOrTheAverageOfThat) {
  form_ = "--onnx";
  for (const std::string head : {"pool", "flatten"}) {
    ActorCriticConfig config;
    config.observation = ObservationKind::kImage;
    config.backbone.tap = "layer2";
    config.backbone.tap_head = head;
    ImageActorCritic network(cpu_backend(), config);
    StateDict state;
    save_network(network, state);
    write_checkpoint("last", state);
    ASSERT_EQ(export_weights("--part body"), 0) << messages();
    const test::OnnxModel body = test::read_onnx(read_text(out_));
    EXPECT_EQ(body.outputs, std::vector<std::string>{head == "pool" ? "features" : "map"});
    EXPECT_TRUE(body.constants.contains("layer2.1.conv2.weight"));
    EXPECT_FALSE(body.constants.contains("layer3.0.conv1.weight"));
  }
  form_ = "-o";  // torchvision has no such network
  EXPECT_EQ(export_weights("--part actor"), 1);
  EXPECT_NE(messages().find("no complete ResNet"), std::string::npos) << messages();
}

TEST_P(ExportWeightsOnce, OnnxOfAWeightFileKeepsItsClassifierAndPreprocessing) {
  form_ = "--onnx";
  source_ = folder_ / "weights.safetensors";
  StateDict state = network_->actor_body().torchvision_state_dict();
  state["fc.weight"] = HostTensor::from_floats({7, 512}, std::vector<float>(7 * 512, 0.5f));
  state["fc.bias"] = HostTensor::from_floats({7}, std::vector<float>(7, 1.0f));
  write_safetensors(source_,
                    {state, {{"preprocessing.input_range", "0..255"}, {"licence", "MIT"}}});
  ASSERT_EQ(export_weights(""), 0) << messages();
  test::OnnxModel model = test::read_onnx(read_text(out_));
  EXPECT_EQ(model.outputs, (std::vector<std::string>{"features", "logits"}));
  EXPECT_EQ(model.constants.at("logits.weight").shape, (Shape{7, 512}));
  EXPECT_EQ(model.constants.at("input_range").values, std::vector<float>{255.0f});
  EXPECT_EQ(model.metadata.at("licence"), "MIT");
  EXPECT_EQ(model.metadata.at("architecture"), "resnet18");
  EXPECT_EQ(model.metadata.at("source_sha256"), sha256_hex(read_regular_file(source_, 1 << 30)));
  ASSERT_EQ(export_weights("--part body"), 0) << messages();
  model = test::read_onnx(read_text(out_));
  EXPECT_EQ(model.outputs, std::vector<std::string>{"features"});
  EXPECT_EQ(export_weights("--part actor"), 2);
  EXPECT_NE(messages().find("holds no checkpoints, so it is a weight file"), std::string::npos)
      << messages();
  form_ = "-o";
  EXPECT_EQ(export_weights("--part actor"), 2);
  EXPECT_NE(messages().find("import_weights writes"), std::string::npos) << messages();
}

INSTANTIATE_TEST_SUITE_P(Bodies, ExportWeightsOnce, testing::Values(Body{"resnet18", "repeat3"}),
                         [](const auto& body) { return body.param.architecture; });

}  // namespace
}  // namespace frost
