#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "engine/io/atomic_file.h"
#include "kernels/backend_registry.h"
#include "models/policies/backbone_network.h"
#include "models/policies/policy_factory.h"
#include "rl/policy.h"
#include "tests/golden/closed_form.h"
#include "tests/tools/runs/onnx_model.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/runs/export/body_export.h"
#include "tools/runs/export/onnx_policy.h"
#include "tools/runs/trainer.h"
#include "weights/onnx/onnx_resnet.h"

// What a network and its ONNX form compute is compared through an interpreter of ONNX; with
// FROST_ONNX_CASES=FOLDER the models, inputs and results are left there for
// tests/golden/onnx_exports.py, which compares them in onnxruntime.
namespace frost {
namespace {

using test::OnnxArray;

constexpr std::int64_t kStates = 3;

/// A network with every tensor unlike its beginning.
std::unique_ptr<PolicyNetwork> make_network(const ActorCriticConfig& config) {
  auto network = make_policy_network(cpu_backend(), config);
  RandomStream random(5, StreamPurpose::kInit);
  network->initialize(random, true);
  for (NamedTensor& p : network->parameters()) {
    if (p.tensor.shape().size() == 4) continue;
    std::vector<float> values = p.tensor.to_host();
    for (float& v : values) v += 0.1f * random.normal();
    p.tensor.copy_from_host(values);
  }
  for (NamedTensor& b : network->buffers()) {
    std::vector<float> values = b.tensor.to_host();
    for (float& v : values) v += 0.5f * random.uniform();
    b.tensor.copy_from_host(values);
  }
  return network;
}

Checkpoint checkpoint_of(const PolicyNetwork& network) {
  Checkpoint checkpoint;
  checkpoint.path = "the.checkpoint";
  save_network(network, checkpoint.file.tensors);
  return checkpoint;
}

std::vector<Observation> observations_of(const ActorCriticConfig& config) {
  std::vector<Observation> all;
  RandomStream random(6, StreamPurpose::kInit);
  for (std::int64_t i = 0; i < kStates; ++i) {
    if (config.observation == ObservationKind::kVector) {
      VectorObservation vector;
      for (int k = 0; k < config.vector_size; ++k) vector.values.push_back(random.normal());
      all.emplace_back(vector);
    } else {
      PictureObservation image;
      for (int k = 0; k < config.picture.height * config.picture.width; ++k) {
        image.pixels.push_back(static_cast<std::uint8_t>(255 * random.uniform()));
      }
      all.emplace_back(image);
    }
  }
  return all;
}

/// The observations as the model's only input, by its name.
std::pair<std::string, HostTensor> model_input(const std::vector<Observation>& observations,
                                               const ActorCriticConfig& config) {
  std::vector<float> floats;
  std::vector<std::uint8_t> bytes;
  for (const Observation& o : observations) {
    if (const auto* vector = std::get_if<VectorObservation>(&o)) {
      floats.insert(floats.end(), vector->values.begin(), vector->values.end());
    } else {
      const auto& pixels = std::get<PictureObservation>(o).pixels;
      bytes.insert(bytes.end(), pixels.begin(), pixels.end());
    }
  }
  if (bytes.empty()) {
    return {"observation", HostTensor::from_floats({kStates, config.vector_size}, floats)};
  }
  const std::int64_t side = config.picture.height;
  return {"picture", HostTensor::from_bytes({kStates, 1, side, side}, bytes)};
}

OnnxArray array_of(const HostTensor& tensor) {
  if (tensor.dtype == "F32") return {tensor.shape, tensor.to_floats("")};
  const std::vector<std::int64_t> values = tensor.to_int64("");
  return {tensor.shape, {values.begin(), values.end()}};
}

class OnnxExport : public testing::Test {
 protected:
  /// Writes the model, and holds its results against `results`, by name.
  void compare(const std::string& name, const OnnxGraph& graph,
               const std::pair<std::string, HostTensor>& input, const StateDict& results) {
    SCOPED_TRACE(name);
    const auto path = folder_ / (name + ".onnx");
    graph.write(path, name, {{"source", "a test"}});
    const std::vector<std::byte> bytes = read_regular_file(path, 1 << 28);
    model_ = test::read_onnx({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    EXPECT_EQ(model_.operator_set, 17u);
    EXPECT_EQ(model_.metadata.at("source"), "a test");
    EXPECT_EQ(model_.inputs, std::vector<std::string>{input.first});
    EXPECT_EQ(model_.outputs.size(), results.size());
    const test::OnnxInterpreter run(model_, {{input.first, array_of(input.second)}});
    for (const std::string& output : model_.outputs) {
      ASSERT_TRUE(results.contains(output)) << output;
      expect_close(output, run.at(output), array_of(results.at(output)));
    }
    leave(name, graph, input, results);
  }

  static void expect_close(const std::string& output, const OnnxArray& got, const OnnxArray& ours) {
    EXPECT_EQ(got.shape, ours.shape) << output;
    ASSERT_EQ(got.values.size(), ours.values.size()) << output;
    float largest = 0;
    for (const float v : ours.values) largest = std::max(largest, std::abs(v));
    EXPECT_GT(largest, 1e-3f) << output << " says nothing";
    for (std::size_t i = 0; i < ours.values.size(); ++i) {
      EXPECT_NEAR(got.values[i], ours.values[i], 1e-5f * std::max(largest, 1.0f)) << output << i;
    }
  }

  static void leave(const std::string& name, const OnnxGraph& graph,
                    const std::pair<std::string, HostTensor>& input, const StateDict& results) {
    const char* cases = std::getenv("FROST_ONNX_CASES");
    if (cases == nullptr) return;
    graph.write(std::filesystem::path(cases) / (name + ".onnx"), name, {});
    SafetensorsFile file;
    file.tensors["in." + input.first] = input.second;
    for (const auto& [output, tensor] : results) file.tensors["out." + output] = tensor;
    write_safetensors(std::filesystem::path(cases) / (name + ".safetensors"), file);
  }

  /// The deterministic policy and the critic of a network.
  void compare_policy(const std::string& name, const ActorCriticConfig& config,
                      const ActionSpace& actions, const Preprocessing& preprocessing = {}) {
    const auto network = make_network(config);
    if (BackboneNetwork* backbone = find_backbone(*network)) {
      backbone->set_preprocessing(preprocessing);
    }
    const Checkpoint checkpoint = checkpoint_of(*network);
    const ExportedPolicy policy{checkpoint, config, actions, preprocessing};
    const std::vector<Observation> observations = observations_of(config);
    std::vector<const Observation*> views;
    for (const Observation& o : observations) views.push_back(&o);
    std::vector<RandomStream> streams(kStates, RandomStream(1, StreamPurpose::kInit));
    std::vector<RandomStream*> stream_views;
    for (RandomStream& s : streams) stream_views.push_back(&s);

    OnnxGraph actor, critic;
    add_actor(actor, policy);
    add_critic(critic, policy);
    const NoGradGuard no_grad;
    const PolicyOutput out = network->forward(network->make_batch(views));
    const PolicySteps steps = act(*network, views, stream_views, actions, true);
    const auto input = model_input(observations, config);
    compare(name + "_actor", actor, input, actor_results(config, out, steps));
    compare(name + "_critic", critic, input,
            {{"values", HostTensor::from_floats(out.values.shape(), out.values.to_host())}});
  }

  /// [states, rows, width], without what is 1 row or no width.
  static Shape by_state(const ActorCriticConfig& config, std::int64_t width) {
    Shape shape{kStates};
    if (config.rows != 1) shape.push_back(config.rows);
    if (width != 0) shape.push_back(width);
    return shape;
  }

  static StateDict actor_results(const ActorCriticConfig& config, const PolicyOutput& out,
                                 const PolicySteps& steps) {
    StateDict results;
    std::vector<std::int64_t> choices;
    std::vector<float> executed, means;
    for (const PolicyStep& step : steps.steps) {
      choices.insert(choices.end(), step.action.decisions.begin(), step.action.decisions.end());
      executed.insert(executed.end(), step.action.parameters.begin(), step.action.parameters.end());
      means.insert(means.end(), step.raw.begin(), step.raw.end());
    }
    if (config.choices > 0) {
      results["logits"] =
          HostTensor::from_floats(by_state(config, config.choices), out.logits.to_host());
      results["choice"] = HostTensor::from_int64(by_state(config, 0), choices);
    }
    if (config.continuous_dims > 0) {
      const Shape shape = by_state(config, config.continuous_dims);
      results["mean"] = HostTensor::from_floats(shape, means);
      results["action"] = HostTensor::from_floats(shape, executed);
    }
    return results;
  }

  test::TemporaryFolder folder_;
  test::OnnxModel model_;
};

ActorCriticConfig vector_config(int rows, int choices, int dims) {
  ActorCriticConfig config;
  config.observation = ObservationKind::kVector;
  config.vector_size = 5;
  config.mlp_hidden = {16, 8};
  config.rows = rows;
  config.choices = choices;
  config.continuous_dims = dims;
  config.value_components = 2;
  return config;
}

ActorCriticConfig picture_config(int side, const char* adapter) {
  ActorCriticConfig config;
  config.observation = ObservationKind::kImage;
  config.picture.height = config.picture.width = side;
  config.choices = 0;
  config.continuous_dims = 2;
  config.continuous_heads = 4;
  config.value_components = 3;
  config.backbone.input_adapter = adapter;
  return config;
}

const std::vector<ContinuousDimension> kDimensions = {
    {-1.0, 3.0, Squash::kSigmoid}, {-2.0, 4.0, Squash::kTanh}, {-0.2, 0.1, Squash::kClip}};

ActionSpace space(int rows, int choices, std::vector<ContinuousDimension> continuous) {
  ActionSpace actions;
  actions.rows = rows;
  actions.choices = choices;
  actions.continuous = std::move(continuous);
  return actions;
}

TEST_F(OnnxExport, VectorPoliciesComputeWhatTheNetworkDoes) {
  compare_policy("choices", vector_config(1, 4, 0), space(1, 4, {}));
  compare_policy("rows_of_choices", vector_config(3, 4, 0), space(3, 4, {}));
  compare_policy("continuous", vector_config(1, 0, 3), space(1, 0, kDimensions));
  compare_policy("both", vector_config(2, 3, 3), space(2, 3, kDimensions));
}

TEST_F(OnnxExport, PicturePoliciesComputeWhatTheNetworkDoesFromBytes) {
  const ActionSpace actions = space(1, 0, {kDimensions[0], kDimensions[2]});
  compare_policy("picture_repeat3", picture_config(28, "repeat3"), actions);
  Preprocessing preprocessing;
  preprocessing.mean = {0.4f, 0.5f, 0.7f};
  preprocessing.deviation = {0.2f, 0.3f, 0.5f};
  compare_policy("picture_1ch_conv", picture_config(33, "1ch_conv"), actions, preprocessing);
}

TEST_F(OnnxExport, ABodyTakesPicturesInItsOwnRangeAndOrder) {
  const auto network = make_network(picture_config(32, "repeat3"));
  const ResNetMapping body = checkpoint_body(checkpoint_of(*network), "actor");
  auto& chain = find_backbone(*network)->actor_body();
  Preprocessing preprocessing;
  preprocessing.input_range = 255;
  preprocessing.channels = "bgr";
  preprocessing.mean = {0.4f, 0.5f, 0.7f};
  for (const std::int64_t side : {24, 31}) {
    const std::int64_t pixels = side * side;
    std::vector<float> rgb, nhwc(static_cast<std::size_t>(kStates * 3 * pixels));
    RandomStream random(7, StreamPurpose::kInit);
    for (std::int64_t i = 0; i < kStates * 3 * pixels; ++i) {
      rgb.push_back(255 * random.uniform());
      const std::int64_t n = i / (3 * pixels), c = 2 - i / pixels % 3;
      const auto channel = static_cast<std::size_t>(c);
      nhwc[static_cast<std::size_t>((n * pixels + i % pixels) * 3 + c)] =
          (rgb.back() / 255.0f - preprocessing.mean[channel]) / preprocessing.deviation[channel];
    }
    OnnxGraph graph;
    const std::string x = add_picture_input(graph, "pictures", 3, preprocessing);
    add_resnet_body(graph, x, body.tensors, 3, "features");
    graph.add_output({"features", "F32", {"n", "512"}});
    EXPECT_EQ(resnet_width(body.tensors), 512);
    const NoGradGuard no_grad;
    const Tensor features = static_cast<UnitChain&>(chain).forward(
        Tensor::from_host(cpu_backend(), {kStates, side, side, 3}, nhwc));
    compare("body_" + std::to_string(side), graph,
            {"pictures", HostTensor::from_floats({kStates, 3, side, side}, rgb)},
            {{"features", HostTensor::from_floats(features.shape(), features.to_host())}});
  }
  // BatchNorm is folded: 20 convolutions with a bias each, and nothing beside them that has
  // weights.
  EXPECT_EQ(std::ranges::count(model_.nodes, "Conv", &test::OnnxNode::op), 20);
  EXPECT_EQ(std::ranges::count(model_.nodes, "BatchNormalization", &test::OnnxNode::op), 0);
  EXPECT_EQ(model_.constants.at("layer4.0.downsample.0.weight").shape, (Shape{512, 256, 1, 1}));
  EXPECT_EQ(model_.constants.at("conv1.bias").shape, (Shape{64}));
}

TEST_F(OnnxExport, APolicyOfGraphsIsRefusedInALineThatSaysWhy) {
  ActorCriticConfig config;
  const Checkpoint checkpoint;
  const ActionSpace actions = space(ActionSpace::kPerNode, 2, {});
  OnnxGraph graph;
  EXPECT_TRUE(test::refuses(
      [&] {
        add_actor(graph, ExportedPolicy{checkpoint, config, actions, Preprocessing{}});
      },
      "attention along the edges"));
}

}  // namespace
}  // namespace frost
