#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
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
//   FROST_FAULT=clock         the time of day jumps back and forth by a year
//
// N counts from 0. Files are those whose path begins with FROST_FAULT_FOLDER; allocations are those
// of `new`, of aligned memory and of whole pages once the program has said how it answers them.
// What is made to fail is told to FROST_FAULT_LOG.
namespace {

enum class Fate { kGoesOn, kFails, kIsShort };

struct Request {
  enum Kind { kNothing, kCount, kFile, kAllocation, kClock } kind = kNothing;
  long at = -1;
  int error = 0;
  bool shortens = false, lasts = false;
  const char* folder = "";
  int log = -1;
};

std::atomic<long> file_calls = 0, allocations = 0;

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
    r.kind = is(kind, "alloc")   ? Request::kAllocation
             : is(kind, "clock") ? Request::kClock
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
  if (r.kind != Request::kCount && r.kind != Request::kFile) return Fate::kGoesOn;
  if (std::strncmp(path, r.folder, std::strlen(r.folder)) != 0) return Fate::kGoesOn;
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

bool fails(const char* call, const char* path) {
  return fate_of(call, path) == Fate::kFails;
}
bool fails(const char* call, int fd) {
  return fate_of(call, fd) == Fate::kFails;
}

bool opened_for_writing(int fd) {
  return (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/// Whether this allocation shall fail. Before the handler is set there is nobody to answer.
bool allocation_fails(std::size_t bytes) {
  const Request& r = request();
  if (r.kind != Request::kCount && r.kind != Request::kAllocation) return false;
  if (std::get_new_handler() == nullptr) return false;
  const long number = allocations++;
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
  if ((flags & O_CREAT) != 0 && fails("open", path)) return -1;
  return real<int(const char*, int, ...)>("open")(path, flags, mode);
}

int close(int fd) {
  const auto next = real<int(int)>("close");
  if (!opened_for_writing(fd) || !fails("close", fd)) return next(fd);
  next(fd);
  errno = request().error;
  return -1;
}

ssize_t write(int fd, const void* data, std::size_t bytes) {
  const Fate fate = fate_of("write", fd, true);
  if (fate == Fate::kFails) return -1;
  return real<ssize_t(int, const void*, std::size_t)>("write")(
      fd, data, fate == Fate::kIsShort ? (bytes + 1) / 2 : bytes);
}

ssize_t pwrite(int fd, const void* data, std::size_t bytes, off_t at) {
  const Fate fate = fate_of("pwrite", fd, true);
  if (fate == Fate::kFails) return -1;
  return real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite")(
      fd, data, fate == Fate::kIsShort ? (bytes + 1) / 2 : bytes, at);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  const Fate fate = fate_of("writev", fd, true);
  if (fate == Fate::kFails) return -1;
  const auto next = real<ssize_t(int, const iovec*, int)>("writev");
  if (fate == Fate::kGoesOn) return next(fd, parts, count);
  int first = 0;
  while (first + 1 < count && parts[first].iov_len == 0) ++first;
  const iovec half = {parts[first].iov_base, (parts[first].iov_len + 1) / 2};
  return next(fd, &half, 1);
}

FILE* fopen(const char* path, const char* mode) {
  if (std::strpbrk(mode, "wa+") != nullptr && fails("fopen", path)) return nullptr;
  return real<FILE*(const char*, const char*)>("fopen")(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

std::size_t fwrite(const void* data, std::size_t size, std::size_t count, FILE* stream) {
  if (fails("fwrite", ::fileno(stream))) return 0;
  return real<std::size_t(const void*, std::size_t, std::size_t, FILE*)>("fwrite")(data, size,
                                                                                   count, stream);
}

int fflush(FILE* stream) {
  if (stream != nullptr && fails("fflush", ::fileno(stream))) return EOF;
  return real<int(FILE*)>("fflush")(stream);
}

/// Does nothing: no test takes the power away, and syncing would be most of its time.
int fsync(int fd) {
  return fails("fsync", fd) ? -1 : 0;
}

int ftruncate(int fd, off_t size) noexcept {
  return fails("ftruncate", fd) ? -1 : real<int(int, off_t)>("ftruncate")(fd, size);
}

int rename(const char* from, const char* to) noexcept {
  return fails("rename", to) ? -1 : real<int(const char*, const char*)>("rename")(from, to);
}

int link(const char* from, const char* to) noexcept {
  return fails("link", to) ? -1 : real<int(const char*, const char*)>("link")(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  return fails("mkdir", path) ? -1 : real<int(const char*, mode_t)>("mkdir")(path, mode);
}

}  // extern "C"
