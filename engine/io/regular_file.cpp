#include "engine/io/regular_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/io/printable.h"
#include "kernels/errors.h"

namespace frost {
namespace {

constexpr const char* kOp = "read_file";

[[noreturn]] void fail_with_errno(const std::filesystem::path& path, const char* what) {
  const int code = errno;
  fail(kOp, fmt::format("{}: {}: {}", full_path(path), what, std::strerror(code)));
}

void check(const std::filesystem::path& path, const struct stat& info, std::uint64_t max_bytes) {
  if (S_ISDIR(info.st_mode)) fail(kOp, path.string() + ": is a directory, expected a file");
  if (!S_ISREG(info.st_mode)) fail(kOp, path.string() + ": not a regular file");
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) {
    fail(kOp,
         fmt::format("{}: {} bytes, at most {} are read", path.string(), info.st_size, max_bytes));
  }
}

}  // namespace

RegularFile::RegularFile(std::filesystem::path path, std::uint64_t max_bytes)
    : path_(std::move(path)) {
  // Without O_NONBLOCK the open itself would hang on a FIFO that has no writer.
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) fail_with_errno(path_, "cannot open");
  try {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) fail_with_errno(path_, "cannot stat");
    check(path_, info, max_bytes);
    size_ = static_cast<std::uint64_t>(info.st_size);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

RegularFile::~RegularFile() {
  ::close(fd_);
}

std::vector<std::byte> RegularFile::read() const {
  std::vector<std::byte> image(size_);
  for (std::size_t done = 0; done < image.size();) {
    const ssize_t n =
        ::pread(fd_, image.data() + done, image.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno(path_, "cannot read");
    if (n == 0) {
      fail(kOp, fmt::format("{}: ended at byte {} of {} while it was read", path_.string(), done,
                            size_));
    }
    done += static_cast<std::size_t>(n);
  }
  return image;
}

}  // namespace frost
