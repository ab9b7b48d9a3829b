#include "tests/failable_new.h"

#include <algorithm>
#include <cstdlib>
#include <new>

// `new` and `delete` of a whole program, whose failures are its own choice. All forms that a
// sanitizer has are here, so that none of its memory comes to the `delete` below.

namespace {

void* allocate(std::size_t bytes, std::size_t alignment) {
  while (true) {
    const bool fails = new_fails(bytes);
    void* data = nullptr;
    if (!fails && alignment == 0) {
      data = std::malloc(std::max<std::size_t>(bytes, 1));
    } else if (!fails && ::posix_memalign(&data, alignment, bytes) != 0) {
      data = nullptr;
    }
    if (data != nullptr) return data;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void* allocate_or_null(std::size_t bytes) noexcept {
  try {
    return allocate(bytes, 0);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes, 0);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes);
}
void operator delete(void* data) noexcept {
  std::free(data);
}
void operator delete[](void* data) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t) noexcept {
  std::free(data);
}
void operator delete[](void* data, std::size_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}
void operator delete(void* data, std::size_t, std::align_val_t) noexcept {
  std::free(data);
}
