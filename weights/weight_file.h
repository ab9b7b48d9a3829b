#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/state_dict.h"

namespace frost {

/// Largest weight file that is read, in bytes.
constexpr std::uint64_t kMaxWeightFileBytes = std::uint64_t{1} << 30;

struct WeightFile {
  std::string format;  ///< "safetensors", "torch zip", "torch legacy stream", "torch tar"
  StateDict tensors;   ///< under flattened names, wrapper keys kept
  std::map<std::string, std::string> metadata;  ///< of safetensors only
};

/// Reads the weight file `image`; its format is recognised by content (docs/weights.md "Formats").
/// Nothing in the file is executed. Tensors share the memory of `image`; only strided ones are
/// copied, row-major, at most 128 MiB of them. `origin` names it in errors. Throws Error with one
/// line.
WeightFile parse_weight_file(const SharedBytes& image, const std::string& origin);

/// All tensors of the weight file at `path`: safetensors or any container of torch.save. Keys of
/// nested dicts are joined with '.', tensors are row-major in the dtype they have. A safetensors
/// file is mapped into memory, all others are read.
StateDict read_weight_file(const std::filesystem::path& path);

}  // namespace frost
