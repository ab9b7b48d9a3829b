#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

#include "tests/failable_new.h"

// The calls of a program that may fail, so that each can be made to: linked into a program, these
// stand before those of the C library, for the C++ library and others too.
//
//   FROST_FAULT=count         writes every call into the file that FROST_FAULT_LOG names
//   FROST_FAULT=file:N:ENOSPC the N-th call that changes a file fails; EIO likewise
//   FROST_FAULT=file:N:full   from the N-th on all fail, as on a full disk
//   FROST_FAULT=file:N:short  the N-th, if it writes, writes half
//   FROST_FAULT=alloc:N       the N-th allocation fails
//   FROST_FAULT=copies:N:K    the N-th, the N+K-th and so on, each in a copy of the process that is
//                             made for it and changes no file; the process itself goes on
//   FROST_FAULT=clock         the time of day jumps back and forth by a year
//
// N counts from 0. Files are those whose path begins with FROST_FAULT_FOLDER; allocations are those
// of `new`, of aligned memory and of whole pages once the program has said how it answers them.
// What is made to fail is told to FROST_FAULT_LOG; of a copy its exit status and what it printed.
namespace {

enum class Fate { kGoesOn, kFails, kIsShort, kIsLeftOut };

struct Request {
  enum Kind { kNothing, kCount, kFile, kAllocation, kCopies, kClock } kind = kNothing;
  long at = -1, step = 0;
  int error = 0;
  bool shortens = false, lasts = false;
  const char* folder = "";
  int log = -1;
};

std::atomic<long> file_calls = 0, allocations = 0;
/// Whether this process is a copy whose allocation failed.
bool is_copy = false;

/// The function of that name that would have been called without this file.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

const Request& request();

/// One line, without allocating.
void tell(const char* call, const char* path, long number) {
  std::array<char, 4400> line{};
  const int size = std::snprintf(line.data(), line.size(), "%s %ld %s\n", call, number, path);
  static const auto write = real<ssize_t(int, const void*, std::size_t)>("write");
  if (request().log >= 0) {
    (void)!write(request().log, line.data(),
                 std::min(line.size() - 1, static_cast<std::size_t>(size)));
  }
}

Request read_request() {
  Request r;
  const char* const text = std::getenv("FROST_FAULT");
  if (text == nullptr) return r;
  if (const char* folder = std::getenv("FROST_FAULT_FOLDER")) r.folder = folder;
  if (const char* log = std::getenv("FROST_FAULT_LOG")) {
    r.log = real<int(const char*, int, ...)>("open")(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                                                     0666);
  }
  std::array<char, 16> kind{}, how{};
  std::sscanf(text, "%15[^:]:%ld:%15s", kind.data(), &r.at, how.data());
  const auto is = [](const auto& word, const char* name) {
    return std::strcmp(word.data(), name) == 0;
  };
  r.shortens = is(how, "short");
  r.lasts = is(how, "full");
  r.error = is(how, "EIO") ? EIO : ENOSPC;
  if (is(kind, "count")) {
    r.kind = Request::kCount;
    std::atexit([] { tell("allocations", "", allocations); });
  } else {
    r.step = std::atol(how.data());
    r.kind = is(kind, "alloc")    ? Request::kAllocation
             : is(kind, "copies") ? Request::kCopies
             : is(kind, "clock")  ? Request::kClock
                                  : Request::kFile;
  }
  return r;
}

const Request& request() {
  static const Request nothing;
  if (::environ == nullptr) return nothing;  // a sanitizer begins before there is one
  static const Request read = read_request();
  return read;
}

/// What becomes of a call that changes the file of `path`; sets errno where it fails.
Fate fate_of(const char* call, const char* path, bool writes = false) {
  const Request& r = request();
  if (!is_copy && r.kind != Request::kCount && r.kind != Request::kFile) return Fate::kGoesOn;
  if (std::strncmp(path, r.folder, std::strlen(r.folder)) != 0) return Fate::kGoesOn;
  if (is_copy) return Fate::kIsLeftOut;
  const long number = file_calls++;
  if (r.kind == Request::kCount) {
    tell(call, path, number);
    return Fate::kGoesOn;
  }
  if (number != r.at && !(r.lasts && number > r.at)) return Fate::kGoesOn;
  if (r.shortens && !writes) return Fate::kGoesOn;
  if (number == r.at) tell(call, path, number);
  errno = r.error;
  return r.shortens ? Fate::kIsShort : Fate::kFails;
}

Fate fate_of(const char* call, int fd, bool writes = false) {
  if (request().kind == Request::kNothing) return Fate::kGoesOn;
  std::array<char, 64> link{};
  std::array<char, 4097> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  if (::readlink(link.data(), path.data(), path.size() - 1) <= 0) return Fate::kGoesOn;
  return fate_of(call, path.data(), writes);
}

bool opened_for_writing(int fd) {
  return (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/// A call that returns 0, or -1 where it fails.
template <class... Arguments>
int call(Fate fate, const char* name, Arguments... arguments) {
  if (fate == Fate::kFails) return -1;
  return fate == Fate::kIsLeftOut ? 0 : real<int(Arguments...)>(name)(arguments...);
}

/// Copies the process: true in the copy; here, once that has ended, tells how.
bool is_a_copy(long number) {
  const int before = errno, err = ::memfd_create("stderr", MFD_CLOEXEC);
  const pid_t copy = ::fork();
  if (err < 0 || copy < 0) std::abort();
  if (copy == 0) {
    is_copy = true;
    ::dup2(err, STDERR_FILENO);
    ::alarm(120);  // one that hangs
    return true;
  }
  int status = 0;
  while (::waitpid(copy, &status, 0) < 0 && errno == EINTR) {
  }
  std::array<char, 4200> text{};
  const int head = std::snprintf(text.data(), 16, "%d ",
                                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  (void)!::pread(err, &text[static_cast<std::size_t>(head)], text.size() - 17, 0);
  std::replace(text.begin(), text.end(), '\n', '|');
  tell("copy", text.data(), number);
  ::close(err);
  errno = before;
  return false;
}

/// Whether this allocation shall fail. Before the handler is set there is nobody to answer.
bool allocation_fails(std::size_t bytes) {
  const Request& r = request();
  const bool copies = r.kind == Request::kCopies && !is_copy;
  if (r.kind != Request::kCount && r.kind != Request::kAllocation && !copies) return false;
  if (std::get_new_handler() == nullptr) return false;
  const long number = allocations++;
  if (copies) return number >= r.at && (number - r.at) % r.step == 0 && is_a_copy(number);
  if (r.kind == Request::kCount || number != r.at) return false;
  tell("alloc", "", static_cast<long>(bytes));
  return true;
}

}  // namespace

bool new_fails(std::size_t bytes) {
  return allocation_fails(bytes);
}

extern "C" {

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  static const auto next = real<void*(std::size_t, std::size_t)>("aligned_alloc");
  return allocation_fails(bytes) ? nullptr : next(alignment, bytes);
}

void* mmap(void* address, std::size_t bytes, int protection, int flags, int fd,
           off_t offset) noexcept {
  static const auto next = real<void*(void*, std::size_t, int, int, int, off_t)>("mmap");
  if ((flags & MAP_ANONYMOUS) != 0 && allocation_fails(bytes)) return MAP_FAILED;
  return next(address, bytes, protection, flags, fd, offset);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto next = real<int(clockid_t, timespec*)>("clock_gettime");
  const int result = next(clock, time);
  if (clock == CLOCK_REALTIME && request().kind == Request::kClock) {
    static std::atomic<int> jumps = 0;
    constexpr time_t kYear = 365 * 86400;
    time->tv_sec += jumps++ % 2 == 0 ? -kYear : kYear;
    if (jumps == 2) tell("clock", "", jumps);
  }
  return result;
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  const Fate fate = (flags & O_CREAT) != 0 ? fate_of("open", path) : Fate::kGoesOn;
  if (fate == Fate::kFails) return -1;
  const auto next = real<int(const char*, int, ...)>("open");
  return fate == Fate::kIsLeftOut ? next("/dev/null", O_RDWR) : next(path, flags, mode);
}

int close(int fd) {
  const auto next = real<int(int)>("close");
  if (!opened_for_writing(fd) || fate_of("close", fd) != Fate::kFails) return next(fd);
  next(fd);
  errno = request().error;
  return -1;
}

ssize_t write(int fd, const void* data, std::size_t bytes) {
  const Fate fate = fate_of("write", fd, true);
  if (fate == Fate::kFails) return -1;
  if (fate == Fate::kIsLeftOut) return static_cast<ssize_t>(bytes);
  return real<ssize_t(int, const void*, std::size_t)>("write")(
      fd, data, fate == Fate::kIsShort ? (bytes + 1) / 2 : bytes);
}

ssize_t pwrite(int fd, const void* data, std::size_t bytes, off_t at) {
  const Fate fate = fate_of("pwrite", fd, true);
  if (fate == Fate::kFails) return -1;
  if (fate == Fate::kIsLeftOut) return static_cast<ssize_t>(bytes);
  return real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite")(
      fd, data, fate == Fate::kIsShort ? (bytes + 1) / 2 : bytes, at);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  const Fate fate = fate_of("writev", fd, true);
  if (fate == Fate::kFails) return -1;
  if (fate == Fate::kIsLeftOut) {
    ssize_t bytes = 0;
    for (int i = 0; i < count; ++i) bytes += static_cast<ssize_t>(parts[i].iov_len);
    return bytes;
  }
  const auto next = real<ssize_t(int, const iovec*, int)>("writev");
  if (fate == Fate::kGoesOn) return next(fd, parts, count);
  int first = 0;
  while (first + 1 < count && parts[first].iov_len == 0) ++first;
  const iovec half = {parts[first].iov_base, (parts[first].iov_len + 1) / 2};
  return next(fd, &half, 1);
}

FILE* fopen(const char* path, const char* mode) {
  const bool writes = std::strpbrk(mode, "wa+") != nullptr;
  const Fate fate = writes ? fate_of("fopen", path) : Fate::kGoesOn;
  if (fate == Fate::kFails) return nullptr;
  return real<FILE*(const char*, const char*)>("fopen")(
      fate == Fate::kIsLeftOut ? "/dev/null" : path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

std::size_t fwrite(const void* data, std::size_t size, std::size_t count, FILE* stream) {
  const Fate fate = fate_of("fwrite", ::fileno(stream));
  if (fate == Fate::kFails) return 0;
  if (fate == Fate::kIsLeftOut) return count;
  return real<std::size_t(const void*, std::size_t, std::size_t, FILE*)>("fwrite")(data, size,
                                                                                   count, stream);
}

int fflush(FILE* stream) {
  return call(stream != nullptr ? fate_of("fflush", ::fileno(stream)) : Fate::kGoesOn, "fflush",
              stream);
}

/// Does nothing: no test takes the power away, and syncing would be most of its time.
int fsync(int fd) {
  return fate_of("fsync", fd) == Fate::kFails ? -1 : 0;
}

int ftruncate(int fd, off_t size) noexcept {
  return call(fate_of("ftruncate", fd), "ftruncate", fd, size);
}

int rename(const char* from, const char* to) noexcept {
  return call(fate_of("rename", to), "rename", from, to);
}

int link(const char* from, const char* to) noexcept {
  return call(fate_of("link", to), "link", from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  const Fate fate = fate_of("mkdir", path);
  if (fate == Fate::kIsLeftOut) ::_exit(0);  // a copy that did without, and cannot begin its run
  return call(fate, "mkdir", path, mode);
}

/// What removes a file never fails by request.
int unlink(const char* path) noexcept {
  return call(is_copy ? fate_of("unlink", path) : Fate::kGoesOn, "unlink", path);
}
int remove(const char* path) noexcept {
  return call(is_copy ? fate_of("remove", path) : Fate::kGoesOn, "remove", path);
}

}  // extern "C"
