#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "weights/torch_archive/archive_object.h"

namespace frost {

/// An archive of torch.save that somebody has unpacked: a folder with `data.pkl`, `version` and
/// `data/<number>`, or one that holds nothing but such a folder.
struct UnpackedArchive {
  ArchiveObject object;
  std::string sha256;  ///< of the names and digests of the files that were read
};

/// Whether `path` is such a folder.
bool is_unpacked_archive(const std::filesystem::path& path);

/// Reads it. Only files of these names are opened, of at most `max_bytes` together. Throws Error.
UnpackedArchive read_unpacked_archive(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace frost
