#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace frost {

/// Throws Error with what the file is and the way on where its bytes are those of a format that
/// people take for weights and that is not read: pointers, pages, other programs' models.
void reject_foreign_format(std::span<const std::byte> image, const std::string& origin);

/// The same for folders: a TensorFlow SavedModel, or one that is no archive at all.
[[noreturn]] void reject_foreign_folder(const std::filesystem::path& path);

}  // namespace frost
