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
  std::string format;  ///< "safetensors", "torch zip", "TorchScript", "torch legacy stream", ...
  StateDict tensors;   ///< under flattened names, wrapper keys kept
  std::map<std::string, std::string> metadata = {};  ///< of safetensors; timm's configuration
  std::vector<std::string> notes = {};               ///< what a user should know of the file
  std::string sha256 = {};                           ///< of the file, where it was opened by name
  std::vector<std::string> stand_ins = {};           ///< what it holds in place of tensors
};

/// Reads the weight file `image`; its format is recognised by content (docs/weights.md "Formats").
/// Nothing in the file is executed. Tensors share the memory of `image`; only strided and
/// compressed ones are copied, at most 128 MiB of them. `origin` names it in errors. Throws Error
/// with one line.
WeightFile parse_weight_file(const SharedBytes& image, const std::string& origin);

/// Reads the weight file at `path`, which may be the folder of an unpacked archive: safetensors, or
/// what torch.save and torch.jit.save write. Keys of nested dicts and modules are joined with '.',
/// tensors are row-major in the dtype they have. The file is read, not
/// mapped: whoever shortens it meanwhile changes nothing. Throws Error with one line that says what
/// the file is and the way on.
WeightFile open_weight_file(const std::filesystem::path& path);

/// Its tensors.
StateDict read_weight_file(const std::filesystem::path& path);

}  // namespace frost
