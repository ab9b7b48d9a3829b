#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace frost {

/// Text from a file made safe for one line of a message: in single quotes, bytes outside printable
/// ASCII as \xNN, cut after 96 bytes.
std::string printable(std::string_view text);

/// The path from the root, for messages about what was not found; as it is where the current folder
/// has gone.
std::string full_path(const std::filesystem::path& path);

}  // namespace frost
