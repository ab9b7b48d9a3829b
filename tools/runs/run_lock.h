#pragma once

#include <filesystem>
#include <utility>

namespace frost {

/// The right to write in a run's folder, held by one process at a time; the system takes it back
/// when the process ends, however it ends.
///
/// A file `lock` in the folder, locked by flock(2). On a file system without such locks it is held
/// by everybody.
class RunLock {
 public:
  /// Throws Error naming the process where another one holds it, or where the file cannot be made.
  explicit RunLock(const std::filesystem::path& folder);
  RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RunLock& operator=(RunLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~RunLock();

  /// Whether the lock that is held is still the one in `folder`: it was neither removed nor
  /// replaced.
  bool in_place(const std::filesystem::path& folder) const;

 private:
  static constexpr const char* kFileName = "lock";

  int fd_ = -1;
};

}  // namespace frost
