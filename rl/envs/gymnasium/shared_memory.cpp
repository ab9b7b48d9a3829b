#include "rl/envs/gymnasium/shared_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "kernels/errors.h"

namespace frost {
namespace {

[[noreturn]] void fail_with_errno(const char* what) {
  fail("environment",
       fmt::format("shared memory of worker processes: {}: {}", what, std::strerror(errno)));
}

}  // namespace

SharedMapping::SharedMapping(const Descriptor& file, std::size_t offset, std::size_t bytes)
    : bytes_(bytes) {
  void* const address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(),
                               static_cast<off_t>(offset));
  if (address == MAP_FAILED) fail_with_errno("mmap");
  data_ = static_cast<std::byte*>(address);
}

SharedMapping::~SharedMapping() {
  ::munmap(data_, bytes_);
}

Descriptor make_memory_file(const char* title) {
  Descriptor file(::memfd_create(title, MFD_CLOEXEC));
  if (file.get() < 0) fail_with_errno("memfd_create");
  return file;
}

void grow_memory_file(const Descriptor& file, std::size_t bytes) {
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) fail_with_errno("ftruncate");
}

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace frost
