#include "engine/io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "engine/io/regular_file.h"
#include "kernels/errors.h"

namespace frost {
namespace {

namespace fs = std::filesystem;
using Parts = std::span<const std::span<const std::byte>>;

constexpr const char* kOp = "write_file";

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
  bool rename_to(const fs::path& target) {
    if (std::rename(path_.c_str(), target.c_str()) != 0) return false;
    path_.clear();
    return true;
  }

 private:
  std::string path_;
};

[[noreturn]] void fail_with_errno(const fs::path& path, const char* what) {
  const int code = errno;
  fail(kOp, fmt::format("{}: {}: {}", path.string(), what, std::strerror(code)));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

void write_all(int fd, std::span<const std::byte> part, const fs::path& path) {
  while (!part.empty()) {
    const ssize_t n = ::write(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_with_errno(path, "cannot write");
    part = part.subspan(static_cast<std::size_t>(n));
  }
}

/// Opens a new file next to `path` and tells its `name`; negative where that fails. Not mkstemp,
/// whose files are private whatever the umask, and asking for the umask means setting it, for other
/// threads too.
int create_beside(const fs::path& path, std::string& name) {
  static std::atomic<std::uint64_t> made = 0;
  for (;;) {
    name = fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), ++made);
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
}

/// Makes the rename itself durable; a file system without folder sync is no error.
void sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

/// The descriptor of this process that a link stands for, such as /dev/stdout or /dev/fd/3.
std::optional<int> named_descriptor(const fs::path& link) {
  std::error_code missing, error;
  const fs::path descriptors = fs::canonical("/proc/self/fd", missing);
  if (missing || fs::canonical(folder_of(link), error) != descriptors || error) return {};
  const std::string name = link.filename().string();
  int number = 0;
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (fault != std::errc() || end != name.data() + name.size()) return {};
  return number;
}

/// What is behind symbolic links: a path that is none, or else a descriptor of this process.
struct Target {
  fs::path path;
  std::optional<int> descriptor;
};

Target follow_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as Linux has it
  Target target{path, {}};
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(target.path, error)); ++links) {
    target.descriptor = named_descriptor(target.path);
    if (target.descriptor) return target;
    const fs::path next = fs::read_symlink(target.path, error);
    if (error) {
      fail(kOp, fmt::format("{}: cannot read the symbolic link: {}", target.path.string(),
                            error.message()));
    }
    if (links == kMostLinks) fail(kOp, path.string() + ": too many symbolic links");
    target.path = folder_of(target.path) / next;
  }
  return target;
}

/// Into what is no file to be replaced. A descriptor is shared, with its position: what the program
/// prints comes behind.
void write_through(const fs::path& path, std::optional<int> descriptor, Parts parts) {
  Descriptor fd(descriptor ? ::fcntl(*descriptor, F_DUPFD_CLOEXEC, 3)
                           : ::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (fd.get() < 0) fail_with_errno(path, "cannot open for writing");
  for (const auto& part : parts) write_all(fd.get(), part, path);
  if (!fd.close()) fail_with_errno(path, "cannot close");
}

void replace(const fs::path& path, Parts parts) {
  const fs::path folder = folder_of(path);
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (ec) fail(kOp, fmt::format("{}: cannot create the folder: {}", folder.string(), ec.message()));

  std::string name;
  Descriptor fd(create_beside(path, name));
  if (fd.get() < 0) fail_with_errno(path, "cannot create a temporary file beside it");
  TemporaryFile temporary(name);
  for (const auto& part : parts) write_all(fd.get(), part, path);
  if (::fsync(fd.get()) != 0) fail_with_errno(path, "cannot sync");
  if (!fd.close()) fail_with_errno(path, "cannot close");
  if (!temporary.rename_to(path)) fail_with_errno(path, "cannot rename into place");
  sync_folder(folder);
}

}  // namespace

std::vector<std::byte> read_regular_file(const fs::path& path, std::uint64_t max_bytes) {
  return RegularFile(path, max_bytes).read();
}

void write_file_atomically(const fs::path& path, Parts parts) {
  const Target target = follow_links(path);
  struct stat info {};
  const bool exists = ::stat(target.path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) fail(kOp, path.string() + ": is a directory");
  if (target.descriptor || (exists && !S_ISREG(info.st_mode))) {
    if (!target.descriptor && S_ISSOCK(info.st_mode)) {
      fail(kOp, path.string() + ": is a socket: give a file, a pipe or a device");
    }
    return write_through(path, target.descriptor, parts);
  }
  replace(target.path, parts);
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text.data(), text.size()));
  write_file_atomically(path, std::span(&part, 1));
}

}  // namespace frost
