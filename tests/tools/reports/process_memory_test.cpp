#include "tools/reports/process_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace frost {
namespace {

TEST(ProcessMemory, APeakIsForgottenWhenTheMeasurementStartsAnew) {
  constexpr std::size_t kBlock = 64 << 20;
  void* block = ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  const std::int64_t with_block = peak_resident_bytes();
  EXPECT_GE(with_block, std::int64_t{kBlock});
  ::munmap(block, kBlock);
  // The system counts pages per thread and sums them now and then.
  constexpr std::int64_t kUncounted = 1 << 20;
  EXPECT_GE(peak_resident_bytes(), with_block - kUncounted) << "the system keeps the peak";
  if (!reset_peak_resident()) GTEST_SKIP() << "the system does not permit it";
  EXPECT_LT(peak_resident_bytes(), with_block - kUncounted);
}

}  // namespace
}  // namespace frost
