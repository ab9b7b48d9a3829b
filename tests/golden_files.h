#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace frost {

/// A file of the sources, as in "configs/tiny.yaml": where they were when this was compiled, or in
/// the folder FROST_TEST_ROOT names, for tests that were carried to another machine.
inline std::filesystem::path source_path(const std::string& name) {
  const char* const carried = std::getenv("FROST_TEST_ROOT");
  return std::filesystem::path(carried != nullptr ? carried : FROST_SOURCE_DIR) / name;
}

/// A file of tests/golden.
inline std::filesystem::path golden_path(const std::string& name) {
  return source_path("tests/golden/" + name);
}

/// The folder FROST_DATA names (with `weights/` and `images/`); empty where it is unset.
inline std::filesystem::path data_path() {
  const char* folder = std::getenv("FROST_DATA");
  return folder == nullptr ? std::filesystem::path() : std::filesystem::path(folder);
}

}  // namespace frost
