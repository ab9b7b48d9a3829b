#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace frost {

/// Reads a whole regular file of at most `max_bytes`; the file is opened once and its size is taken
/// from the open descriptor. Throws Error with one line where it is missing, a directory or device,
/// unreadable, too large, or shrinks while it is read.
std::vector<std::byte> read_regular_file(const std::filesystem::path& path,
                                         std::uint64_t max_bytes);

/// Replaces the file `path` by the concatenation of `parts`: temporary file in the same folder,
/// fsync, rename. Missing parent folders are created; of a symbolic link the file behind it is
/// replaced and the link stays. What exists and is no file (a pipe, a device, /dev/stdout) is
/// written through. Throws Error, also for folders and sockets; then a file is as it was before and
/// no temporary one is left. SIGPIPE must be ignored for a closed pipe to be an Error.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts);

/// The same for one text.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace frost
