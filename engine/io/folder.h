#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace frost {

/// Names of what lies in a folder, in no order; none where it cannot be read. Throws
/// OutOfMemoryError where memory is short, for which the iterators of the standard library end the
/// program.
std::vector<std::string> folder_names(const std::filesystem::path& folder);

}  // namespace frost
