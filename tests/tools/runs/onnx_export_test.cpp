#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <set>

#include "engine/io/atomic_file.h"
#include "kernels/backend_registry.h"
#include "kernels/policy_math.h"
#include "models/policies/backbone_network.h"
#include "rl/policy.h"
#include "tests/tools/runs/onnx_cases.h"
#include "tests/tools/runs/onnx_interpreter.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/runs/export/body_export.h"
#include "tools/runs/export/onnx_policy.h"
#include "weights/onnx/onnx_resnet.h"

// What a network and its ONNX form compute is compared through an interpreter of ONNX; with
// FROST_ONNX_CASES=FOLDER the models, inputs and results are left there for
// tests/golden/onnx_exports.py, which compares them in onnxruntime.
namespace frost {
namespace {

using test::array_of;
using test::checkpoint_of;
using test::kStates;
using test::make_network;
using test::model_inputs;
using test::observations_of;
using test::OnnxArray;

class OnnxExport : public testing::Test {
 protected:
  /// Writes the model, and holds its results against `results`, by name.
  void compare(const std::string& name, const OnnxGraph& graph, const StateDict& inputs,
               const StateDict& results) {
    SCOPED_TRACE(name);
    const auto path = folder_ / (name + ".onnx");
    graph.write(path, name, {{"source", "a test"}});
    const std::vector<std::byte> bytes = read_regular_file(path, 1 << 28);
    model_ = test::read_onnx({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    EXPECT_EQ(model_.operator_set, 17u);
    EXPECT_EQ(model_.metadata.at("source"), "a test");
    expect_single_assignment();
    EXPECT_EQ(model_.inputs.size(), inputs.size());
    EXPECT_EQ(model_.outputs.size(), results.size());
    std::map<std::string, OnnxArray> arrays;
    for (const std::string& input : model_.inputs) arrays[input] = array_of(inputs.at(input));
    const test::OnnxInterpreter run(model_, arrays);
    for (const std::string& output : model_.outputs) {
      ASSERT_TRUE(results.contains(output)) << output;
      expect_close(output, run.at(output), array_of(results.at(output)));
    }
    leave(name, graph, inputs, results);
  }

  /// Every name stands for one thing, as ONNX asks.
  void expect_single_assignment() const {
    std::set<std::string> names(model_.inputs.begin(), model_.inputs.end());
    for (const test::OnnxNode& node : model_.nodes) {
      EXPECT_TRUE(names.insert(node.output).second) << node.output;
    }
    for (const auto& [name, array] : model_.constants) {
      EXPECT_TRUE(names.insert(name).second) << name;
    }
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

  static void leave(const std::string& name, const OnnxGraph& graph, const StateDict& inputs,
                    const StateDict& results) {
    const char* cases = std::getenv("FROST_ONNX_CASES");
    if (cases == nullptr) return;
    graph.write(std::filesystem::path(cases) / (name + ".onnx"), name, {});
    SafetensorsFile file;
    for (const auto& [input, tensor] : inputs) file.tensors["in." + input] = tensor;
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
    const StateDict inputs = model_inputs(observations, config);
    compare(name + "_actor", actor, inputs, actor_results(config, out, steps));
    compare(name + "_critic", critic, inputs,
            {{"value", HostTensor::from_floats(out.values.shape(), out.values.to_host())}});
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
    std::vector<float> executed, means, deviations;
    for (const PolicyStep& step : steps.steps) {
      choices.insert(choices.end(), step.action.decisions.begin(), step.action.decisions.end());
      executed.insert(executed.end(), step.action.parameters.begin(), step.action.parameters.end());
    }
    if (config.choices > 0) {
      results["logits"] =
          HostTensor::from_floats(by_state(config, config.choices), out.logits.to_host());
      results["choice"] = HostTensor::from_int64(by_state(config, 0), choices);
    }
    if (config.continuous_dims > 0) {
      const auto dims = static_cast<std::size_t>(config.continuous_dims);
      const std::vector<float> gaussian = out.gaussian.to_host();
      for (std::size_t i = 0; i < gaussian.size(); ++i) {
        const bool is_mean = i % (2 * dims) < dims;
        (is_mean ? means : deviations)
            .push_back(is_mean ? gaussian[i] : clamped_log_deviation(gaussian[i]));
      }
      const Shape shape = by_state(config, config.continuous_dims);
      results["mean"] = HostTensor::from_floats(shape, means);
      results["log_std"] = HostTensor::from_floats(shape, deviations);
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

/// What is seen beyond one grey picture.
ActorCriticConfig seen_config(PictureInput picture, const char* tap, const char* tap_head) {
  ActorCriticConfig config = picture_config(picture.height, "repeat3");
  config.picture = picture;
  config.backbone.tap = tap;
  config.backbone.tap_head = tap_head;
  return config;
}

TEST_F(OnnxExport, ColoursAndValuesBesideThePictureAreSeenAsTheNetworkSeesThem) {
  ActorCriticConfig config =
      seen_config({.height = 26, .width = 34, .channels = 3, .values = 3}, "pooled", "pool");
  config.choices = 4;
  config.continuous_dims = 0;
  Preprocessing preprocessing;
  preprocessing.mean = {0.4f, 0.5f, 0.7f};
  preprocessing.deviation = {0.2f, 0.3f, 0.5f};
  for (const std::string order : {"rgb", "bgr"}) {
    preprocessing.channels = order;
    compare_policy("colour_" + order, config, space(1, 4, {}), preprocessing);
  }
}

TEST_F(OnnxExport, FramesAndTapsAreThoseOfTheNetwork) {
  ActorCriticConfig config =
      seen_config({.height = 28, .width = 36, .channels = 3, .frames = 3}, "layer1", "pool");
  config.choices = 0;
  compare_policy("frames_layer1", config, space(1, 0, {kDimensions[1], kDimensions[2]}));
  config.picture.frame_difference = true;
  config.backbone.tap = "layer2";
  config.backbone.tap_head = "flatten";
  compare_policy("changes_layer2_map", config, space(1, 0, {kDimensions[1], kDimensions[2]}));
  config = seen_config({.height = 30, .width = 24, .frames = 2, .values = 2}, "stem", "flatten");
  config.picture.frame_difference = true;
  compare_policy("grey_changes_stem_map", config, space(1, 0, {kDimensions[1], kDimensions[2]}));
  config.standardize_features = true;
  compare_policy("standardized", config, space(1, 0, {kDimensions[1], kDimensions[2]}));
  config = seen_config({.height = 33, .width = 60}, "layer4", "flatten");
  compare_policy("layer4_map", config, space(1, 0, {kDimensions[1], kDimensions[2]}));
}

TEST_F(OnnxExport, EveryActionOfPicturesIsTheNetworks) {
  ActorCriticConfig config = seen_config({.height = 24, .width = 24}, "stem", "pool");
  config.rows = 3;
  config.choices = 4;
  config.continuous_dims = 0;
  config.continuous_heads = 0;
  compare_policy("pictures_rows_of_choices", config, space(3, 4, {}));
  config.continuous_dims = 2;
  config.continuous_heads = 3;  // one idles
  compare_policy("pictures_both", config, space(3, 4, {kDimensions[0], kDimensions[2]}));
  ActionSpace enabled = space(3, 4, {kDimensions[0], kDimensions[2]});
  for (const std::int32_t choice : {1, 2, 3}) {  // those that are made
    enabled.enabling_choice = choice;
    compare_policy("pictures_enabled_by_" + std::to_string(choice), config, enabled);
  }
}

TEST_F(OnnxExport, TheInterfaceNamesFramesAndValues) {
  ActorCriticConfig config = seen_config(
      {.height = 24, .width = 30, .channels = 3, .frames = 4, .values = 5}, "layer2", "flatten");
  config.choices = 3;
  const auto network = make_network(config);
  const Checkpoint checkpoint = checkpoint_of(*network);
  const ActionSpace actions = space(1, 3, {kDimensions[0], kDimensions[2]});
  OnnxGraph graph;
  add_actor(graph, ExportedPolicy{checkpoint, config, actions, Preprocessing{}});
  EXPECT_EQ(graph.interface_text(),
            "input pictures U8 [n, 4, 24, 30, 3]\ninput values F32 [n, 5]\n"
            "output logits F32 [n, 3]\noutput choice I64 [n]\noutput mean F32 [n, 2]\n"
            "output log_std F32 [n, 2]\noutput action F32 [n, 2]\n");
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
    add_pooling(graph, add_resnet_map(graph, x, body.tensors, 3), "features");
    graph.add_output({"features", "F32", {"n", "512"}});
    EXPECT_EQ(resnet_width(body.tensors), 512);
    const NoGradGuard no_grad;
    const Tensor features = static_cast<UnitChain&>(chain).forward(
        Tensor::from_host(cpu_backend(), {kStates, side, side, 3}, nhwc));
    compare("body_" + std::to_string(side), graph,
            {{"pictures", HostTensor::from_floats({kStates, 3, side, side}, rgb)}},
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
