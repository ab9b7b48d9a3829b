#include "tools/runs/run_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "kernels/errors.h"

namespace frost {
namespace {

/// What the holder wrote into its lock.
std::string holder_of(int fd) {
  std::array<char, 64> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  return n > 0 ? std::string(text.data(), static_cast<std::size_t>(n)) : "another process";
}

std::string own_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("process {} on {}", ::getpid(), host.data());
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) {
  const std::string path = (folder / kFileName).string();
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) throw Error(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return;
    const std::string holder = holder_of(fd_);
    ::close(std::exchange(fd_, -1));
    throw Error(fmt::format("{} is being written by {}: wait for its end or choose another folder",
                            folder.string(), holder));
  }
  const std::string name = own_name();
  // For the message alone, so a full disk is no reason to fail.
  if (::ftruncate(fd_, 0) == 0) (void)!::pwrite(fd_, name.data(), name.size(), 0);
}

bool RunLock::in_place(const std::filesystem::path& folder) const {
  struct stat held = {}, found = {};
  return ::fstat(fd_, &held) == 0 && ::stat((folder / kFileName).c_str(), &found) == 0 &&
         held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace frost
