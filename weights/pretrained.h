#pragma once

#include <filesystem>
#include <string>

#include "engine/state_dict.h"

namespace frost {

/// A ResNet18 blob and where it came from.
struct PretrainedWeights {
  std::filesystem::path path;
  std::string sha256;  ///< of the file
  std::string source;  ///< what the numbers are, as the file or a table of known files says
  StateDict tensors;   ///< torchvision names, OIHW
};

/// Reads the first that exists of: `configured` (if not empty, it alone),
/// `weights/resnet18.safetensors`, `$FROST_DATA/weights/resnet18_imagenet.safetensors`.
/// The file stays mapped for as long as the tensors live. Throws Error saying how to get weights
/// where none is found.
PretrainedWeights find_pretrained_weights(const std::string& configured);

}  // namespace frost
