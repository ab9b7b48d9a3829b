#include "tools/runs/export/onnx_policy.h"

#include <cmath>
#include <numeric>

#include "engine/ops.h"
#include "kernels/errors.h"
#include "kernels/policy_math.h"
#include "tools/runs/export/body_export.h"
#include "weights/onnx/onnx_resnet.h"

namespace frost {
namespace {

using Ints = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

constexpr float kLayerNormEpsilon = 1e-5f;
constexpr std::int64_t kLast = -1;   // axis
constexpr std::int64_t kFloats = 1;  // element type

HostTensor ints(const Ints& values) {
  return HostTensor::from_int64({static_cast<std::int64_t>(values.size())}, values);
}

/// Adds one side, "actor" or "critic", of a network.
class SideWriter {
 public:
  SideWriter(OnnxGraph& graph, const ExportedPolicy& policy, std::string side)
      : graph_(graph), policy_(policy), side_(std::move(side)) {}

  /// The observation as inputs, and what the heads read.
  std::string features() {
    switch (policy_.config.observation) {
      case ObservationKind::kImage:
        return trunk(seen());
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

  std::string linear(const std::string& x, const std::string& layer, const std::string& name) {
    return add_linear(graph_, x, find(layer + ".weight"), find(layer + ".bias"), name);
  }

  /// A linear layer with `width` outputs of every row, [n, width] or [n, rows, width]; what it has
  /// behind those idles.
  std::string head(const std::string& x, const std::string& layer, const std::string& name,
                   std::int64_t width) {
    const HostTensor weight = used(find(layer + ".weight"), width),
                     bias = used(find(layer + ".bias"), width);
    const std::int64_t rows = policy_.config.rows;
    if (rows == 1) return add_linear(graph_, x, weight, bias, name);
    const std::string flat = add_linear(graph_, x, weight, bias, name + ".flat");
    return reshape(flat, {0, rows, width}, name);
  }

  /// The log deviation that the policy samples with, shaped as `mean`.
  void log_std(const std::string& x) {
    const std::int64_t rows = policy_.config.rows, dims = policy_.config.continuous_dims;
    const std::string low = graph_.constant("log_std.low", kLogMinDeviation),
                      high = graph_.constant("log_std.high", kLogMaxDeviation);
    if (policy_.config.observation == ObservationKind::kImage) {
      graph_.node("Clip", {head(x, "logstd", "log_std.free", dims), low, high}, "log_std");
      return;
    }
    const HostTensor stored = find("log_std");
    const Ints shape = rows == 1 ? Ints{1, dims} : Ints{1, rows, dims};
    const std::string one =
        graph_.constant("log_std.one", HostTensor::from_floats(shape, stored.to_floats("log_std")));
    const std::string each = graph_.node("Shape", {"mean"}, "log_std.shape");
    graph_.node("Expand", {graph_.node("Clip", {one, low, high}, "log_std.clipped"), each},
                "log_std");
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
    return find_tensor(policy_.checkpoint.file.tensors, "network." + side_ + "." + name,
                       "checkpoint");
  }

  /// The first `width` of what a head has for each row.
  HostTensor used(const HostTensor& tensor, std::int64_t width) const {
    const std::int64_t rows = policy_.config.rows, outputs = tensor.shape.at(0);
    if (outputs == rows * width) return tensor;
    const std::vector<float> values = tensor.to_floats("head");
    const std::int64_t inner = tensor.numel() / outputs, per_row = outputs / rows * inner;
    std::vector<float> taken;
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto begin = values.begin() + row * per_row;
      taken.insert(taken.end(), begin, begin + width * inner);
    }
    Ints shape = tensor.shape;
    shape[0] = rows * width;
    return HostTensor::from_floats(shape, taken);
  }

  std::string reshape(const std::string& x, const Ints& shape, const std::string& name) {
    return graph_.node("Reshape", {x, graph_.constant(name + ".shape", ints(shape))}, name);
  }

  /// The frames of all states in a row, as the bodies want them.
  std::string frames() {
    const PictureInput& p = policy_.config.picture;
    const auto text = [](int size) { return std::to_string(size); };
    graph_.add_input(
        {"pictures", "U8", {"n", text(p.frames), text(p.height), text(p.width), text(p.channels)}});
    std::string x = reshape("pictures", {-1, p.height, p.width, p.channels}, "pictures.frames");
    x = graph_.node("Transpose", {x}, "pictures.planes", {{"perm", Ints{0, 3, 1, 2}}});
    x = graph_.node("Cast", {x}, "pictures.floats", {{"to", kFloats}});
    x = graph_.node("Div", {x, graph_.constant("bytes", 255.0f)}, "pictures.scaled");
    return add_normalisation(graph_, x, p.channels, policy_.preprocessing, "pictures");
  }

  /// What the body makes of every frame, [n * frames, width].
  std::string body() {
    const StateDict tensors = checkpoint_body_tensors(policy_.checkpoint, side_);
    const std::string map =
        add_resnet_map(graph_, frames(), tensors, policy_.config.picture.channels);
    if (!has_map_head(policy_.checkpoint, side_)) return add_pooling(graph_, map, "features");
    HostTensor weight = find("map.conv.weight");
    weight.shape.insert(weight.shape.end(), {1, 1});
    const std::string x = graph_.node(
        "Conv",
        {map, graph_.constant("map.weight", weight),
         graph_.constant("map.bias", find("map.conv.bias"))},
        "map.conv",
        {{"kernel_shape", Ints{1, 1}}, {"strides", Ints{1, 1}}, {"pads", Ints{0, 0, 0, 0}}});
    const std::string places =
        graph_.node("Transpose", {gelu(x, "map.gelu")}, "map.places", {{"perm", Ints{0, 2, 3, 1}}});
    return graph_.node("Flatten", {places}, "features");
  }

  /// What the trunk reads: the body's features of all frames, or their changes, and the values.
  std::string seen() {
    const std::string x = columns();
    if (!policy_.config.standardize_features) return x;
    const std::vector<float> mean = find("columns.mean").to_floats("columns.mean"),
                             variance = find("columns.variance").to_floats("columns.variance");
    std::vector<float> deviation;
    for (const float v : variance) deviation.push_back(std::sqrt(v + kBatchNormEpsilon));
    const auto row = [&](const char* name, const std::vector<float>& values) {
      return graph_.constant(
          name, HostTensor::from_floats({static_cast<std::int64_t>(values.size())}, values));
    };
    const std::string centred =
        graph_.node("Sub", {x, row("columns.mean", mean)}, "columns.centred");
    return graph_.node("Div", {centred, row("columns.deviation", deviation)}, "columns");
  }

  /// The same before it is standardised.
  std::string columns() {
    const PictureInput& p = policy_.config.picture;
    const std::int64_t all = find("trunk.0.weight").shape.at(1) - p.values;
    std::string x = body();
    if (p.frames > 1 && p.frame_difference) x = changes(x, all);
    if (p.frames > 1) x = reshape(x, {-1, all}, "features.states");
    if (p.values == 0) return x;
    graph_.add_input({"values", "F32", {"n", std::to_string(p.values)}});
    return graph_.node("Concat", {x, "values"}, "features.values", {{"axis", kLast}});
  }

  /// [n, frames, width]: of every frame but the newest the change to the next one.
  std::string changes(const std::string& features, std::int64_t all) {
    const std::int64_t frames = policy_.config.picture.frames;
    const std::string x = reshape(features, {-1, frames, all / frames}, "frames");
    const auto some = [&](std::int64_t first, std::int64_t count, const char* name) {
      Ints which(static_cast<std::size_t>(count));
      std::iota(which.begin(), which.end(), first);
      return graph_.node("Gather", {x, graph_.constant(name + std::string(".index"), ints(which))},
                         name, {{"axis", std::int64_t{1}}});
    };
    const std::string change = graph_.node(
        "Sub", {some(1, frames - 1, "frames.later"), some(0, frames - 1, "frames.earlier")},
        "frames.change");
    return graph_.node("Concat", {change, some(frames - 1, 1, "frames.newest")}, "frames.changes",
                       {{"axis", std::int64_t{1}}});
  }

  std::string gelu(const std::string& x, const std::string& name) {
    const std::string root = graph_.constant("sqrt2", std::sqrt(2.0f));
    std::string y =
        graph_.node("Erf", {graph_.node("Div", {x, root}, name + ".scaled")}, name + ".erf");
    y = graph_.node("Add", {y, graph_.constant("one", 1.0f)}, name + ".sum");
    y = graph_.node("Mul", {x, y}, name + ".product");
    return graph_.node("Mul", {y, graph_.constant("half", 0.5f)}, name);
  }

  std::string trunk(const std::string& features) {
    const std::string y = gelu(linear(features, "trunk.0", "trunk.linear"), "gelu");
    return graph_.node("LayerNormalization",
                       {y, graph_.constant("trunk.norm.weight", find("trunk.2.weight")),
                        graph_.constant("trunk.norm.bias", find("trunk.2.bias"))},
                       "trunk", {{"axis", kLast}, {"epsilon", kLayerNormEpsilon}});
  }

  std::string tanh_layers() {
    graph_.add_input({"observation", "F32", {"n", std::to_string(policy_.config.vector_size)}});
    std::string x = "observation";
    for (std::size_t i = 0; i < policy_.config.mlp_hidden.size(); ++i) {
      const std::string layer = "hidden." + std::to_string(i);
      x = graph_.node("Tanh", {linear(x, layer, layer)}, layer + ".tanh");
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

/// A column with 1 in the rows whose choice executes the continuous values, 0 in the others.
std::string enabled_rows(OnnxGraph& graph, std::int64_t choice) {
  const std::string column = graph.node("ArgMax", {"logits"}, "choice.column",
                                        {{"axis", kLast}, {"keepdims", std::int64_t{1}}});
  const std::string enabling =
      graph.constant("choice.enabling", HostTensor::from_int64({}, {choice}));
  return graph.node("Cast", {graph.node("Equal", {column, enabling}, "choice.enables")},
                    "choice.factor", {{"to", kFloats}});
}

/// What is executed where the policy acts deterministically.
void add_action(OnnxGraph& graph, const ActionSpace& actions) {
  const bool always = actions.enabling_choice == ActionSpace::kAlways;
  const std::string factor = always ? "" : enabled_rows(graph, actions.enabling_choice);
  Names columns;
  for (std::size_t d = 0; d < actions.continuous.size(); ++d) {
    const std::string name = "action." + std::to_string(d);
    const std::string index = graph.constant(name + ".index", ints({static_cast<std::int64_t>(d)}));
    const std::string u = graph.node("Gather", {"mean", index}, name + ".mean", {{"axis", kLast}});
    columns.push_back(executed(graph, u, actions.continuous[d], name));
    if (!always) columns.back() = graph.node("Mul", {columns.back(), factor}, name + ".enabled");
  }
  graph.node("Concat", columns, "action", {{"axis", kLast}});
}

}  // namespace

bool has_map_head(const Checkpoint& checkpoint, const std::string& side) {
  return checkpoint.file.tensors.contains("network." + side + ".map.conv.weight");
}

void add_actor(OnnxGraph& graph, const ExportedPolicy& policy) {
  SideWriter actor(graph, policy, "actor");
  const ActorCriticConfig& config = policy.config;
  const bool picture = config.observation == ObservationKind::kImage;
  const std::string x = actor.features();
  if (config.choices > 0) {
    actor.head(x, picture ? "discrete" : "logits", "logits", config.choices);
    actor.output("logits", "F32", config.choices);
    graph.node("ArgMax", {"logits"}, "choice", {{"axis", kLast}, {"keepdims", std::int64_t{0}}});
    actor.output("choice", "I64");
  }
  if (config.continuous_dims > 0) {
    actor.head(x, picture ? "mu" : "mean", "mean", config.continuous_dims);
    actor.output("mean", "F32", config.continuous_dims);
    actor.log_std(x);
    actor.output("log_std", "F32", config.continuous_dims);
    add_action(graph, policy.actions);
    actor.output("action", "F32", config.continuous_dims);
  }
}

void add_critic(OnnxGraph& graph, const ExportedPolicy& policy) {
  SideWriter critic(graph, policy, "critic");
  const bool picture = policy.config.observation == ObservationKind::kImage;
  critic.linear(critic.features(), picture ? "value_heads" : "value", "value");
  graph.add_output({"value", "F32", {"n", std::to_string(policy.config.value_components)}});
}

}  // namespace frost
