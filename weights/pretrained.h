#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/io/preprocessing.h"
#include "weights/resnet_names.h"
#include "weights/safetensors.h"

namespace frost {

/// A ResNet from any file that holds one, and where it came from.
struct PretrainedWeights {
  std::filesystem::path path;
  std::string format;   ///< of the file, as `WeightFile`
  std::string sha256;   ///< of the file
  std::string source;   ///< what the numbers are, as the file or a table of known files says
  std::string licence;  ///< as the file says; mostly empty
  Preprocessing preprocessing;
  ResNetMapping mapping;                      ///< the tensors are in it
  std::map<std::string, std::string> dtypes;  ///< in the file, by the name there
};

/// Reads any file that `import_weights` reads, whole, and looks for a ResNet in it, which need not
/// be complete (`require_complete`). Throws Error with one line.
PretrainedWeights examine_weights(const std::filesystem::path& path,
                                  const MapOptions& options = {});

/// The same of a file that must hold a complete ResNet.
PretrainedWeights read_pretrained(const std::filesystem::path& path);

/// The weights a network of `architecture` ("resnet18", ...) starts with: the first that exists of
/// `configured` (if not empty, it alone), `weights/<architecture>.safetensors`,
/// `$FROST_DATA/weights/<architecture>_imagenet.safetensors`. Throws Error saying how to get
/// weights where none is found, and naming both architectures where the file holds another one.
PretrainedWeights find_pretrained_weights(const std::string& configured,
                                          const std::string& architecture);

/// Where `import_weights` puts a ResNet of `depth` and the programs look for one.
std::filesystem::path default_weights_path(int depth);

/// The weight file the programs read without a mapping (docs/weights.md "Names"), with all that is
/// known of the weights in its metadata.
SafetensorsFile to_blob(PretrainedWeights weights);

/// What was made of the file, in one line: where the network lay, what was left out, what is worth
/// knowing. Empty where nothing is: the file has torchvision's names and nothing else.
std::string mapping_summary(const PretrainedWeights& weights);

/// Whether the SHA-256 is that of a file torchvision has published as IMAGENET1K_V1.
bool is_torchvision(const std::string& digest);

}  // namespace frost
