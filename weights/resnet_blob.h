#pragma once

#include "weights/safetensors.h"

namespace frost {

/// The weight file the programs and torchvision's strict loading read (docs/weights.md "Names"):
/// `tensors` of ResNet `depth` in torchvision's names and layout, the counters as zeros, and what
/// is true of every such file as metadata. The caller adds where the weights are from (`source`,
/// `source_sha256`) and how pictures are prepared for them (`write_preprocessing`).
SafetensorsFile resnet_blob(StateDict tensors, int depth);

}  // namespace frost
