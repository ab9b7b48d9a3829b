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
  EXPECT_GE(peak_resident_bytes(), with_block) << "the system keeps the peak";
  if (!reset_peak_resident()) GTEST_SKIP() << "the system does not permit it";
  EXPECT_LT(peak_resident_bytes(), with_block);
}

}  // namespace
}  // namespace frost
