#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace frost {

/// A file opened once for reading; its size is taken from the open descriptor. All throws are Error
/// with one line.
class RegularFile {
 public:
  /// Throws where `path` is missing, a directory or device, unreadable, or larger than `max_bytes`.
  RegularFile(std::filesystem::path path, std::uint64_t max_bytes);
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;
  ~RegularFile();

  /// A copy of its content, which nobody can change any more. Throws where the file shrinks.
  std::vector<std::byte> read() const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace frost
