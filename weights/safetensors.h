#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "engine/state_dict.h"

namespace frost {

/// Largest file that is read and written, in bytes.
inline constexpr std::uint64_t kMaxSafetensorsBytes = std::uint64_t{4} << 30;

struct SafetensorsFile {
  StateDict tensors;
  std::map<std::string, std::string> metadata;  ///< without the checksum
  bool has_checksum = false;                    ///< it was read with one, which held
};

/// Reads a safetensors file, treating it as hostile: regular file of at most 4 GiB, header of at
/// most 1 MiB and 8192 entries, no duplicate names, no holes, no overlaps, sizes equal dtype x
/// shape, and the content that of its checksum where it carries one (docs/weights.md
/// "safetensors"). Throws Error with one line naming the file, the fault and, where it has one, the
/// byte offset.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Parses a file image already in memory, which the tensors share; `origin` names it in errors.
SafetensorsFile parse_safetensors(const SharedBytes& image, const std::string& origin);

/// Writes atomically: a temporary file in the same folder, fsync, rename. Tensors are ordered by
/// falling element size, then name, so that each is aligned to its element size; the data begins at
/// a multiple of 8. A checksum of names, dtypes, shapes, values and metadata goes with them. Throws
/// Error for what could not be read back, before anything is written; leaves nothing half-written.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace frost
