#include "tools/runs/body_export.h"

#include <fmt/format.h>
#include <string>
#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "models/resnet.h"
#include "tools/cli/standard_output.h"
#include "tools/runs/checkpoint.h"
#include "weights/resnet_blob.h"
#include "weights/resnet_names.h"
#include "weights/sha256.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

/// The tensors of one body under torchvision's names; convolutions turned from OHWI to OIHW.
StateDict body_tensors(const StateDict& checkpoint, const std::string& part,
                       const std::string& origin) {
  const std::string prefix = "network." + part + ".body.";
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

}  // namespace

int export_weights(const ExportOptions& options) {
  std::string note;
  const Checkpoint checkpoint = CheckpointFolder(options.run).read(options.checkpoint, note);
  if (!note.empty()) print_note(note);
  const std::string path = checkpoint.path.string();
  // The way back in: whatever is written passes the checks of import_weights.
  ResNetMapping mapping = map_resnet(body_tensors(checkpoint.file.tensors, options.part, path));
  require_complete(mapping, path);

  const std::int64_t channels = mapping.tensors.at("conv1.weight").shape[1];
  SafetensorsFile blob = resnet_blob(std::move(mapping.tensors), mapping.depth);
  blob.metadata["source"] =
      fmt::format("{} body of {} after update {}", options.part, path, checkpoint.updates);
  blob.metadata["source_format"] = "frostline checkpoint";
  blob.metadata["source_sha256"] = sha256_hex(read_regular_file(path, kMaxWeightFileBytes));
  write_safetensors(options.output, blob);
  print_out("{}\n{} input channel{}, no classifier\nwritten: {}\n", blob.metadata["source"],
            channels, channels == 1 ? "" : "s", options.output);
  return 0;
}

}  // namespace frost
