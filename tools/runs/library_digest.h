#pragma once

#include <map>
#include <string>

#include "tools/config/config.h"

namespace frost {

/// Where checkpoints and run.json keep `library_sha256`.
inline constexpr const char* kLibraryKey = "environment_sha256";

/// SHA-256 of the library that the configured environment is in; empty where it is in none. Throws
/// Error where the file cannot be read.
std::string library_sha256(const Config& config);

/// One line where a checkpoint with this metadata was made with another build of the library than
/// the one there now; else empty.
std::string library_note(const std::map<std::string, std::string>& metadata, const Config& config);

}  // namespace frost
