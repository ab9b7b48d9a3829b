#include "engine/io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "engine/io/regular_file.h"
#include "kernels/errors.h"

namespace frost {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

/// Removes the temporary file unless the rename succeeded.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  bool rename_to(const std::filesystem::path& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) return false;
    path_.clear();
    return true;
  }

 private:
  std::string path_;
};

[[noreturn]] void fail_with_errno(const char* op, const std::filesystem::path& path,
                                  const char* what) {
  const int code = errno;
  fail(op, fmt::format("{}: {}: {}", path.string(), what, std::strerror(code)));
}

void write_all(int fd, std::span<const std::byte> part, const std::filesystem::path& path) {
  while (!part.empty()) {
    const ssize_t n = ::write(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_with_errno("write_file", path, "cannot write");
    part = part.subspan(static_cast<std::size_t>(n));
  }
}

/// Opens a new file next to `path` and tells its `name`; negative where that fails. Not mkstemp,
/// whose files are private whatever the umask, and asking for the umask means setting it, for other
/// threads too.
int create_beside(const std::filesystem::path& path, std::string& name) {
  static std::atomic<std::uint64_t> made = 0;
  for (;;) {
    name = fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), ++made);
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
}

/// Makes the rename itself durable; a file system without folder sync is no error.
void sync_folder(const std::filesystem::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

}  // namespace

std::vector<std::byte> read_regular_file(const std::filesystem::path& path,
                                         std::uint64_t max_bytes) {
  return RegularFile(path, max_bytes).read();
}

void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts) {
  constexpr const char* kOp = "write_file";
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code ec;
  std::filesystem::create_directories(folder, ec);
  if (ec) fail(kOp, fmt::format("{}: cannot create the folder: {}", folder.string(), ec.message()));
  if (std::filesystem::is_directory(path, ec)) fail(kOp, path.string() + ": is a directory");

  std::string name;
  Descriptor fd(create_beside(path, name));
  if (fd.get() < 0) fail_with_errno(kOp, path, "cannot create a temporary file beside it");
  TemporaryFile temporary(name);
  for (const auto& part : parts) write_all(fd.get(), part, path);
  if (::fsync(fd.get()) != 0) fail_with_errno(kOp, path, "cannot sync");
  if (!fd.close()) fail_with_errno(kOp, path, "cannot close");
  if (!temporary.rename_to(path)) fail_with_errno(kOp, path, "cannot rename into place");
  sync_folder(folder);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text.data(), text.size()));
  write_file_atomically(path, std::span(&part, 1));
}

}  // namespace frost
