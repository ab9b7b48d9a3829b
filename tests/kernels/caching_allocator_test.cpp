#include "kernels/caching_allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace frost {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif
constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TEST(CachingAllocator, ALargeBlockServesTheNextRequestOfItsSize) {
  if (!kKeeps) GTEST_SKIP() << "sanitizers see every block";
  CachingAllocator allocator;
  void* first = allocator.allocate(kMegabyte);
  allocator.release(first);
  EXPECT_EQ(allocator.bytes_kept(), kMegabyte);
  EXPECT_EQ(allocator.allocate(kMegabyte - 1000), first);
  EXPECT_EQ(allocator.bytes_kept(), 0U);
  allocator.release(first);
}

TEST(CachingAllocator, ABlockIsNotSpentOnAMuchSmallerRequest) {
  CachingAllocator allocator;
  void* large = allocator.allocate(8 * kMegabyte);
  allocator.release(large);
  void* small = allocator.allocate(kMegabyte);
  EXPECT_NE(small, large);
  allocator.release(small);
}

TEST(CachingAllocator, HoldsAtMostAnEighthMoreThanWasEverInUse) {
  CachingAllocator allocator;
  for (std::size_t megabytes = 1; megabytes <= 16; ++megabytes) {
    allocator.release(allocator.allocate(megabytes * kMegabyte));
    EXPECT_LE(allocator.bytes_in_use() + allocator.bytes_kept(),
              megabytes * kMegabyte + megabytes * kMegabyte / 8);
  }
}

TEST(CachingAllocator, BlocksOfAllSizesAreAlignedAndApart) {
  CachingAllocator allocator;
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (int round = 0; round < 2; ++round) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64},
                                    std::size_t{65535}, std::size_t{65536}, 3 * kMegabyte + 5}) {
      auto* data = static_cast<unsigned char*>(allocator.allocate(bytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0U);
      std::memset(data, static_cast<int>(blocks.size()), bytes);
      blocks.emplace_back(data, bytes);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto [data, bytes] = blocks[i];
    EXPECT_EQ(std::count(data, data + bytes, static_cast<unsigned char>(i)),
              static_cast<std::ptrdiff_t>(bytes));
    allocator.release(data);
  }
  allocator.release(nullptr);
}

}  // namespace
}  // namespace frost
