#include "tests/engine/failing_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

/// Calls of `new` until the one that fails; below zero none will.
std::atomic<std::int64_t> left = -1;
std::atomic<bool> reached = false;

void* allocate(std::size_t bytes, std::size_t alignment) {
  // Nobody waits for the others' counts: without a test of failures this is one comparison.
  if (left.load(std::memory_order_relaxed) >= 0 && left-- == 0) {
    reached = true;
    throw std::bad_alloc();
  }
  for (;;) {
    void* const data =
        alignment == 0
            ? std::malloc(bytes == 0 ? 1 : bytes)
            : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (data != nullptr) return data;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

// The test program's own, for all of its code.
void* operator new(std::size_t bytes) {
  return allocate(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return allocate(bytes, 0);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* data) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}

namespace frost {

FailingNew::FailingNew(std::int64_t at) {
  reached = false;
  left = at;
}

FailingNew::~FailingNew() {
  left = -1;
}

bool FailingNew::happened() {
  return reached;
}

}  // namespace frost
