#pragma once

#include <string>

namespace frost {

struct ExportOptions {
  std::string run, part, output, checkpoint;
};

/// Writes one body of a run as safetensors under torchvision's names. Returns the exit status.
int export_weights(const ExportOptions& options);

}  // namespace frost
