#include "tools/runs/export/onnx_export.h"

#include <filesystem>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "tools/cli/standard_output.h"
#include "tools/config/config_text.h"
#include "tools/runs/export/onnx_policy.h"
#include "tools/runs/trainer.h"
#include "weights/onnx/onnx_resnet.h"
#include "weights/pretrained.h"

namespace frost {
namespace {

/// From pictures to the map of the last stage; returns its name.
std::string add_map(OnnxGraph& graph, const StateDict& tensors,
                    const Preprocessing& preprocessing) {
  const std::int64_t channels = find_tensor(tensors, "conv1.weight", "body").shape.at(1);
  const std::string x = add_picture_input(graph, "pictures", channels, preprocessing);
  return add_resnet_map(graph, x, tensors, channels);
}

/// From pictures to features and, where there is a classifier, to logits.
void add_resnet(OnnxGraph& graph, const StateDict& tensors, const Preprocessing& preprocessing,
                bool with_classifier) {
  add_pooling(graph, add_map(graph, tensors, preprocessing), "features");
  graph.add_output({"features", "F32", {"n", std::to_string(resnet_width(tensors))}});
  if (!with_classifier) return;
  const HostTensor& weight = find_tensor(tensors, "fc.weight", "classifier");
  add_linear(graph, "features", weight, find_tensor(tensors, "fc.bias", "classifier"), "logits");
  graph.add_output({"logits", "F32", {"n", std::to_string(weight.shape.at(0))}});
}

int finish(const OnnxGraph& graph, const ExportOptions& options, const std::string& name,
           const Metadata& metadata) {
  graph.write(options.onnx, name, metadata);
  print_out("{}\n{}written: {}\n", metadata.at("source"), graph.interface_text(), options.onnx);
  return 0;
}

int export_weight_file(const ExportOptions& options) {
  if (!options.part.empty() && options.part != "body") {
    throw UsageError(
        "--part " + options.part + " is of a run; " + options.source +
        " holds no checkpoints, so it is a weight file: leave --part out, or take --part "
        "body to leave out the classifier");
  }
  PretrainedWeights weights = read_pretrained(options.source);
  if (const std::string mapping = mapping_summary(weights); !mapping.empty()) {
    print_note("note: " + options.source + ": " + mapping);
  }
  OnnxGraph graph;
  add_resnet(graph, weights.mapping.tensors, weights.preprocessing,
             options.part.empty() && weights.mapping.has_classifier());
  weights.mapping.tensors.clear();
  Metadata metadata = to_blob(std::move(weights)).metadata;
  metadata.erase("format");  // of tensors
  metadata.try_emplace("source", options.source);
  return finish(graph, options, metadata.at("architecture"), metadata);
}

/// The actor's body as far as it goes: to features, or to the map that a head of its own reads.
void add_run_body(OnnxGraph& graph, const Checkpoint& checkpoint,
                  const Preprocessing& preprocessing) {
  const StateDict tensors = checkpoint_body_tensors(checkpoint, "actor");
  if (!has_map_head(checkpoint, "actor")) return add_resnet(graph, tensors, preprocessing, false);
  graph.node("Identity", {add_map(graph, tensors, preprocessing)}, "map");
  graph.add_output(
      {"map", "F32", {"n", std::to_string(resnet_width(tensors)), "map_height", "map_width"}});
}

int export_run(const ExportOptions& options) {
  if (options.part.empty()) {
    throw UsageError("--part actor, critic or body: what of the run is to be written");
  }
  std::string note;
  const Checkpoint checkpoint = CheckpointFolder(options.source).read(options.checkpoint, note);
  if (!note.empty()) print_note(note);
  const std::string path = checkpoint.path.string();
  const Preprocessing preprocessing = read_preprocessing(checkpoint.file.metadata, path);
  OnnxGraph graph;
  if (options.part == "body") {
    add_run_body(graph, checkpoint, preprocessing);
    return finish(graph, options, "body", origin_metadata(checkpoint, "actor body"));
  }
  const Config config = parse_run_config(checkpoint.config, path, {});
  const ActorCriticConfig model = model_config(config);
  const ActionSpace actions = environment_spec(config).actions;
  const ExportedPolicy policy{checkpoint, model, actions, preprocessing};
  (options.part == "actor" ? add_actor : add_critic)(graph, policy);
  return finish(graph, options, options.part, origin_metadata(checkpoint, options.part));
}

}  // namespace

int export_onnx(const ExportOptions& options) {
  if (!std::filesystem::exists(options.source)) {
    throw Error(full_path(options.source) + ": no such run folder or weight file");
  }
  // Other folders may be unpacked archives, which are weight files.
  const bool run = std::filesystem::exists(std::filesystem::path(options.source) / "checkpoints");
  if (!run && !options.checkpoint.empty()) {
    throw UsageError(options.source + " holds no checkpoints: --checkpoint is for a run's folder");
  }
  return run ? export_run(options) : export_weight_file(options);
}

}  // namespace frost
