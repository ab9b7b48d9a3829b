#pragma once

#include "tools/runs/export/body_export.h"

namespace frost {

/// Writes a network as ONNX: of a run a whole actor or critic, or the actor's body; of a weight
/// file its ResNet, with the classifier unless `part` is "body". Returns the exit status.
int export_onnx(const ExportOptions& options);

}  // namespace frost
