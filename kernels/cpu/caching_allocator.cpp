#include "kernels/cpu/caching_allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <new>
#include <tuple>

namespace frost {
namespace {

constexpr std::size_t kAlignment = 64, kStep = std::size_t{1} << 14;
/// Below, malloc keeps memory itself; a sanitizer must see every block come and go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kLarge = SIZE_MAX;
#else
constexpr std::size_t kLarge = std::size_t{1} << 16;
#endif

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// Whole 2 MB of a block come as huge pages: one fault and one TLB entry each.
void* fresh(std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{1} << 21;
  const bool huge = bytes >= kHugePage;
  void* data = std::aligned_alloc(huge ? kHugePage : kAlignment, bytes);
  if (data != nullptr && huge) madvise(data, bytes, MADV_HUGEPAGE);  // may be refused: only slower
  return data;
}

}  // namespace

CachingAllocator::~CachingAllocator() {
  trim(0);
}

void* CachingAllocator::allocate(std::size_t bytes) {
  if (bytes < kLarge) {
    void* data = fresh(round_up(bytes + 1, kAlignment));
    return data != nullptr ? data : throw std::bad_alloc();
  }
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
    trim(most + most / 10 - in_use_ - size);
    data = fresh(size);
    if (data == nullptr) {
      trim(0);
      data = fresh(size);
    }
    if (data == nullptr) throw std::bad_alloc();
  }
  large_.emplace(data, size);
  in_use_ += size;
  most_in_use_ = std::max(most_in_use_, in_use_);
  return data;
}

void CachingAllocator::release(void* data) {
  const std::lock_guard lock(mutex_);
  const auto found = large_.find(data);
  if (found == large_.end()) return std::free(data);
  kept_.emplace(found->second, data);
  kept_bytes_ += found->second;
  in_use_ -= found->second;
  large_.erase(found);
}

/// Gives back the largest kept blocks until at most `limit` bytes are kept.
void CachingAllocator::trim(std::size_t limit) {
  while (kept_bytes_ > limit) {
    const auto largest = std::prev(kept_.end());
    kept_bytes_ -= largest->first;
    std::free(largest->second);
    kept_.erase(largest);
  }
}

}  // namespace frost
