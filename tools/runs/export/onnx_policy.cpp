#include "tools/runs/export/onnx_policy.h"

#include <cmath>

#include "kernels/errors.h"
#include "tools/runs/export/body_export.h"
#include "weights/onnx/onnx_resnet.h"

namespace frost {
namespace {

using Ints = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

constexpr float kLayerNormEpsilon = 1e-5f;
constexpr std::int64_t kLast = -1;  // axis

/// Adds one side, "actor" or "critic", of a network.
class SideWriter {
 public:
  SideWriter(OnnxGraph& graph, const ExportedPolicy& policy, std::string side)
      : graph_(graph), policy_(policy), side_(std::move(side)) {}

  /// The observation as an input, and what the heads read.
  std::string features() {
    switch (policy_.config.observation) {
      case ObservationKind::kImage:
        return trunk(body(picture()));
      case ObservationKind::kVector:
        return tanh_layers();
      case ObservationKind::kGraph:
        break;
    }
    throw Error(policy_.checkpoint.path.string() +
                ": a policy of graphs has no ONNX form here, because attention along the edges of "
                "a graph of any size is no operator of it: --part body writes the ResNet body "
                "alone");
  }

  /// A linear layer's first `outputs` rows; all of them where it is 0.
  std::string head(const std::string& x, const std::string& layer, const std::string& name,
                   std::int64_t outputs = 0) {
    const std::string path = "network." + side_ + "." + layer;
    HostTensor weight = find(path + ".weight"), bias = find(path + ".bias");
    if (outputs != 0 && outputs < weight.shape.at(0)) {
      weight = first_rows(weight, path, outputs);
      bias = first_rows(bias, path, outputs);
    }
    return add_linear(graph_, x, weight, bias, name);
  }

  /// [n, rows * width] as [n, rows, width] where a state has several rows.
  std::string by_row(const std::string& x, std::int64_t width, const std::string& name) {
    const std::int64_t rows = policy_.config.rows;
    if (rows == 1) return x;
    const HostTensor shape = HostTensor::from_int64({3}, {0, rows, width});
    return graph_.node("Reshape", {x, graph_.constant(name + ".shape", shape)}, name);
  }
  /// Name of what `by_row` then calls `name`.
  std::string flat(const std::string& name) const {
    return policy_.config.rows == 1 ? name : name + ".flat";
  }

  /// A result with `width` values per row; without, with one.
  void output(const std::string& name, const char* dtype, std::int64_t width = 0) {
    Names shape = {"n"};
    if (policy_.config.rows != 1) shape.push_back(std::to_string(policy_.config.rows));
    if (width != 0) shape.push_back(std::to_string(width));
    graph_.add_output({name, dtype, shape});
  }

 private:
  const HostTensor& find(const std::string& name) const {
    return find_tensor(policy_.checkpoint.file.tensors, name, "checkpoint");
  }

  static HostTensor first_rows(const HostTensor& tensor, const std::string& name,
                               std::int64_t rows) {
    std::vector<float> values = tensor.to_floats(name);
    Ints shape = tensor.shape;
    values.resize(values.size() / static_cast<std::size_t>(shape[0]) *
                  static_cast<std::size_t>(rows));
    shape[0] = rows;
    return HostTensor::from_floats(shape, values);
  }

  /// Bytes as the environment draws them, normalised in the network's own arithmetic.
  std::string picture() {
    const PictureInput& p = policy_.config.picture;
    if (p.channels != 1 || p.frames != 1 || p.values != 0) {
      throw Error(policy_.checkpoint.path.string() +
                  ": only policies of one picture of one channel, without values beside it, are "
                  "written as ONNX: --part body writes the ResNet body alone");
    }
    graph_.add_input(
        {"picture", "U8", {"n", "1", std::to_string(p.height), std::to_string(p.width)}});
    const float mean = policy_.preprocessing.grey_mean(),
                deviation = policy_.preprocessing.grey_deviation();
    std::string x = graph_.node("Cast", {"picture"}, "picture.floats", {{"to", std::int64_t{1}}});
    x = graph_.node("Mul", {x, graph_.constant("scale", 1.0f / (255.0f * deviation))},
                    "picture.scaled");
    return graph_.node("Add", {x, graph_.constant("shift", -mean / deviation)},
                       "picture.normalised");
  }

  std::string body(const std::string& x) {
    const ResNetMapping mapping = checkpoint_body(policy_.checkpoint, side_);
    return add_resnet_body(graph_, x, mapping.tensors, 1, "features");
  }

  std::string trunk(const std::string& features) {
    const std::string x = head(features, "trunk.0", "trunk.linear");
    const std::string root = graph_.constant("sqrt2", std::sqrt(2.0f));
    std::string y = graph_.node("Erf", {graph_.node("Div", {x, root}, "gelu.scaled")}, "gelu.erf");
    y = graph_.node("Add", {y, graph_.constant("one", 1.0f)}, "gelu.sum");
    y = graph_.node(
        "Mul", {graph_.node("Mul", {x, y}, "gelu.product"), graph_.constant("half", 0.5f)}, "gelu");
    const std::string norm = "network." + side_ + ".trunk.2";
    return graph_.node("LayerNormalization",
                       {y, graph_.constant("trunk.norm.weight", find(norm + ".weight")),
                        graph_.constant("trunk.norm.bias", find(norm + ".bias"))},
                       "trunk", {{"axis", kLast}, {"epsilon", kLayerNormEpsilon}});
  }

  std::string tanh_layers() {
    graph_.add_input({"observation", "F32", {"n", std::to_string(policy_.config.vector_size)}});
    std::string x = "observation";
    for (std::size_t i = 0; i < policy_.config.mlp_hidden.size(); ++i) {
      const std::string layer = "hidden." + std::to_string(i);
      x = graph_.node("Tanh", {head(x, layer, layer)}, layer + ".tanh");
    }
    return x;
  }

  OnnxGraph& graph_;
  const ExportedPolicy& policy_;
  std::string side_;
};

/// The executed value of raw sample `u`, as `executed_value`.
std::string executed(OnnxGraph& graph, const std::string& u, const ContinuousDimension& d,
                     const std::string& name) {
  const auto constant = [&](const char* what, double value) {
    return graph.constant(name + "." + what, static_cast<float>(value));
  };
  if (d.squash == Squash::kClip) {
    return graph.node("Clip", {u, constant("low", d.low), constant("high", d.high)}, name);
  }
  const bool tanh = d.squash == Squash::kTanh;
  const double scale = tanh ? 0.5 * (d.high - d.low) : d.high - d.low;
  const double shift = tanh ? 0.5 * (d.high + d.low) : d.low;
  const std::string squashed = graph.node(tanh ? "Tanh" : "Sigmoid", {u}, name + ".squashed");
  const std::string scaled =
      graph.node("Mul", {squashed, constant("scale", scale)}, name + ".scaled");
  return graph.node("Add", {scaled, constant("shift", shift)}, name);
}

/// What is executed where the policy acts deterministically.
void add_action(OnnxGraph& graph, const ActionSpace& actions) {
  if (actions.enabling_choice != ActionSpace::kAlways) {
    throw Error("continuous values that a choice switches on have no ONNX form here");
  }
  Names columns;
  for (std::size_t d = 0; d < actions.continuous.size(); ++d) {
    const std::string name = "action." + std::to_string(d);
    const HostTensor index = HostTensor::from_int64({1}, {static_cast<std::int64_t>(d)});
    const std::string u = graph.node("Gather", {"mean", graph.constant(name + ".index", index)},
                                     name + ".mean", {{"axis", kLast}});
    columns.push_back(executed(graph, u, actions.continuous[d], name));
  }
  graph.node("Concat", columns, "action", {{"axis", kLast}});
}

}  // namespace

void add_actor(OnnxGraph& graph, const ExportedPolicy& policy) {
  SideWriter actor(graph, policy, "actor");
  const ActorCriticConfig& config = policy.config;
  const bool picture = config.observation == ObservationKind::kImage;
  const std::string x = actor.features();
  if (config.choices > 0) {
    actor.by_row(actor.head(x, picture ? "discrete" : "logits", actor.flat("logits")),
                 config.choices, "logits");
    actor.output("logits", "F32", config.choices);
    graph.node("ArgMax", {"logits"}, "choice", {{"axis", kLast}, {"keepdims", std::int64_t{0}}});
    actor.output("choice", "I64");
  }
  if (config.continuous_dims > 0) {
    const std::int64_t width = config.rows * config.continuous_dims;
    actor.by_row(actor.head(x, picture ? "mu" : "mean", actor.flat("mean"), width),
                 config.continuous_dims, "mean");
    actor.output("mean", "F32", config.continuous_dims);
    add_action(graph, policy.actions);
    actor.output("action", "F32", config.continuous_dims);
  }
}

void add_critic(OnnxGraph& graph, const ExportedPolicy& policy) {
  SideWriter critic(graph, policy, "critic");
  const bool picture = policy.config.observation == ObservationKind::kImage;
  critic.head(critic.features(), picture ? "value_heads" : "value", "values");
  graph.add_output({"values", "F32", {"n", std::to_string(policy.config.value_components)}});
}

}  // namespace frost
