#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace frost {

/// A built program: where the build put it, or in `bin` of the folder FROST_TEST_ROOT names, for
/// tests that were carried to another machine.
inline std::filesystem::path program_path(const std::string& name) {
  const char* const carried = std::getenv("FROST_TEST_ROOT");
  const std::filesystem::path built = FROST_BIN_DIR;
  return (carried != nullptr ? std::filesystem::path(carried) / "bin" : built) / name;
}

}  // namespace frost
