#include "kernels/caching_allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <tuple>

#include "kernels/round_up.h"

namespace frost {
namespace {

/// Below, malloc keeps memory itself; a sanitizer must see every block come and go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kLarge = SIZE_MAX;
#else
constexpr std::size_t kLarge = std::size_t{1} << 16;
#endif
constexpr std::size_t kAlignment = 64, kStep = std::size_t{1} << 14;
constexpr std::size_t kHugePage = std::size_t{1} << 21;

void* small_block(std::size_t bytes) {
  void* data = std::aligned_alloc(kAlignment, round_up(bytes + 1, kAlignment));
  return data != nullptr ? data : throw std::bad_alloc();
}

/// Memory of its own from the kernel, nullptr if there is none. Whole 2 MB of a block come as huge
/// pages: one fault and one TLB entry each.
void* map_block(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 0, size = bytes + alignment;
  void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (alignment == 0) return mapped;
  auto* begin = static_cast<std::byte*>(mapped);
  const std::size_t before = round_up(reinterpret_cast<std::uintptr_t>(begin), alignment) -
                             reinterpret_cast<std::uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  if (before < alignment) munmap(begin + before + bytes, alignment - before);
  madvise(begin + before, bytes, MADV_HUGEPAGE);  // may be refused: slower, not wrong
  return begin + before;
}

}  // namespace

CachingAllocator::~CachingAllocator() {
  keep_at_most(0);
}

void* CachingAllocator::allocate(std::size_t bytes) {
  if (bytes < kLarge) return small_block(bytes);
  std::size_t size = round_up(bytes, kStep);
  const std::lock_guard lock(mutex_);
  void* data = nullptr;
  if (const auto found = kept_.lower_bound(size);
      found != kept_.end() && found->first <= size + size / 8) {
    std::tie(size, data) = *found;
    kept_.erase(found);
    kept_bytes_ -= size;
  } else {
    const std::size_t most = std::max(most_in_use_, in_use_ + size);
    keep_at_most(most + most / 8 - in_use_ - size);
    data = map_block(size);
    if (data == nullptr) {
      keep_at_most(0);
      data = map_block(size);
    }
    if (data == nullptr) throw std::bad_alloc();
  }
  try {
    large_.emplace(data, size);
  } catch (...) {
    munmap(data, size);
    throw;
  }
  in_use_ += size;
  most_in_use_ = std::max(most_in_use_, in_use_);
  return data;
}

void CachingAllocator::release(void* data) {
  const std::lock_guard lock(mutex_);
  const auto found = large_.find(data);
  if (found == large_.end()) return std::free(data);
  try {
    kept_.emplace(found->second, data);
    kept_bytes_ += found->second;
  } catch (const std::bad_alloc&) {
    munmap(data, found->second);  // destructors release: nothing may be thrown
  }
  in_use_ -= found->second;
  large_.erase(found);
}

void CachingAllocator::keep_at_most(std::size_t limit) {
  while (kept_bytes_ > limit) {
    // The smallest block that is enough, or the largest.
    auto block = kept_.lower_bound(kept_bytes_ - limit);
    if (block == kept_.end()) --block;
    kept_bytes_ -= block->first;
    munmap(block->second, block->first);
    kept_.erase(block);
  }
}

}  // namespace frost
