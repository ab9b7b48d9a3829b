#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace frost {

/// A file of tests/golden, found from where this header was compiled.
inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(__FILE__).parent_path() / "golden" / name;
}

/// The folder FROST_DATA names (with `weights/` and `images/`); empty where it is unset.
inline std::filesystem::path data_path() {
  const char* folder = std::getenv("FROST_DATA");
  return folder == nullptr ? std::filesystem::path() : std::filesystem::path(folder);
}

}  // namespace frost
