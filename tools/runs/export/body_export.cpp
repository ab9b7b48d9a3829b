#include "tools/runs/export/body_export.h"

#include <fmt/format.h>

#include <filesystem>

#include "engine/io/atomic_file.h"
#include "engine/layers/image_layout.h"
#include "kernels/errors.h"
#include "models/resnet.h"
#include "tools/cli/standard_output.h"
#include "weights/onnx/onnx_resnet.h"
#include "weights/resnet_blob.h"
#include "weights/sha256.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

constexpr int kStages = 4;  // of a whole ResNet

/// The tensors of one body under torchvision's names; convolutions turned from OHWI to OIHW.
StateDict body_tensors(const StateDict& checkpoint, const std::string& side,
                       const std::string& origin) {
  const std::string prefix = "network." + side + ".body.";
  StateDict body;
  for (auto it = checkpoint.lower_bound(prefix);
       it != checkpoint.end() && it->first.starts_with(prefix); ++it) {
    const auto& [name, tensor] = *it;
    HostTensor& out = body[name.substr(prefix.size())] = tensor;
    if (tensor.shape.size() != 4) continue;
    const Shape& s = tensor.shape;
    out =
        HostTensor::from_floats({s[0], s[3], s[1], s[2]}, nhwc_to_nchw(tensor.to_floats(name), s));
  }
  if (body.empty()) {
    throw Error(origin + " holds no tensor " + prefix +
                "*: its network has no ResNet bodies, or it is no checkpoint");
  }
  return body;
}

void check_usage(const ExportOptions& options) {
  if (!std::filesystem::is_regular_file(options.source)) {
    if (options.part == "actor" || options.part == "critic") return;
    throw UsageError("--part actor or --part critic: whose body is to be written as safetensors");
  }
  throw UsageError(options.source +
                   " is no run folder: import_weights writes weight files as safetensors, "
                   "export_weights takes them with --onnx");
}

}  // namespace

ResNetMapping checkpoint_body(const Checkpoint& checkpoint, const std::string& side) {
  const std::string path = checkpoint.path.string();
  // The way back in: whatever is written passes the checks of import_weights.
  ResNetMapping mapping = map_resnet(body_tensors(checkpoint.file.tensors, side, path));
  require_complete(mapping, path);
  return mapping;
}

StateDict checkpoint_body_tensors(const Checkpoint& checkpoint, const std::string& side) {
  StateDict body = body_tensors(checkpoint.file.tensors, side, checkpoint.path.string());
  return resnet_last_stage(body) < kStages ? body : checkpoint_body(checkpoint, side).tensors;
}

Metadata origin_metadata(const Checkpoint& checkpoint, const std::string& what) {
  const std::string path = checkpoint.path.string();
  Metadata metadata;
  metadata["source"] = fmt::format("{} of {} after update {}", what, path, checkpoint.updates);
  metadata["source_format"] = "frostline checkpoint";
  metadata["source_sha256"] = sha256_hex(checkpoint.image);
  if (const auto licence = checkpoint.file.metadata.find("licence");
      licence != checkpoint.file.metadata.end()) {
    metadata["licence"] = licence->second;
  }
  if (checkpoint.file.tensors.contains("network.actor.body.conv1.weight")) {
    write_preprocessing(read_preprocessing(checkpoint.file.metadata, path), metadata);
  }
  return metadata;
}

int export_weights(const ExportOptions& options) {
  check_usage(options);
  std::string note;
  const Checkpoint checkpoint = CheckpointFolder(options.source).read(options.checkpoint, note);
  if (!note.empty()) print_note(note);
  ResNetMapping mapping = checkpoint_body(checkpoint, options.part);
  const std::int64_t channels = mapping.tensors.at("conv1.weight").shape[1];
  SafetensorsFile blob = resnet_blob(std::move(mapping.tensors), mapping.depth);
  blob.metadata.merge(origin_metadata(checkpoint, options.part + " body"));
  write_safetensors(options.output, blob);
  print_out("{}\n{} input channel{}, no classifier\nwritten: {}\n", blob.metadata["source"],
            channels, channels == 1 ? "" : "s", options.output);
  return 0;
}

}  // namespace frost
