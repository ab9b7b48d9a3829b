#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace frost {

/// What is in a file, byte by byte; empty where it cannot be read.
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Writes a file, and the folders it lies in where they are not there.
inline void write_text(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace frost
