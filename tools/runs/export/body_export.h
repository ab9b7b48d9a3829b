#pragma once

#include <string>

#include "tools/runs/checkpoint.h"
#include "weights/preprocessing_record.h"
#include "weights/resnet_names.h"

namespace frost {

struct ExportOptions {
  std::string source;      ///< run folder; with `onnx` also a weight file
  std::string part;        ///< actor | critic | body; empty: everything, of a weight file
  std::string output;      ///< safetensors; empty where `onnx` is given
  std::string onnx;        ///< empty where `output` is given
  std::string checkpoint;  ///< as `CheckpointFolder::read`
};

/// Writes one body of a run as safetensors under torchvision's names. Returns the exit status.
int export_weights(const ExportOptions& options);

/// The body of "actor" or "critic" in a checkpoint, under torchvision's names and layouts. Throws
/// Error where it has none or is not a complete ResNet.
ResNetMapping checkpoint_body(const Checkpoint& checkpoint, const std::string& side);

/// The same tensors of a body that may end at an earlier tap.
StateDict checkpoint_body_tensors(const Checkpoint& checkpoint, const std::string& side);

/// What an exported file says of where it is from: `what` of the checkpoint, its digest, and what
/// the checkpoint knows of the weights it began with.
Metadata origin_metadata(const Checkpoint& checkpoint, const std::string& what);

}  // namespace frost
