#include "engine/io/atomic_file.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "tests/weights/weight_file_helpers.h"

namespace {

std::atomic<int> umask_calls = 0;

}  // namespace

/// In place of the C library's: the mask belongs to all threads, and even to ask for it is to set
/// it.
extern "C" mode_t umask(mode_t mask) noexcept {
  ++umask_calls;
  return static_cast<mode_t>(::syscall(SYS_umask, mask));
}

namespace frost {
namespace {

TEST(AtomicFile, HasThePermissionsOfTheUmaskWithoutTouchingIt) {
  const test::TemporaryFolder folder;
  for (const mode_t mask : {mode_t{0022}, mode_t{0077}, mode_t{0002}}) {
    const mode_t before = ::umask(mask);
    const int calls = umask_calls;
    write_file_atomically(folder / "file", "text");
    EXPECT_EQ(umask_calls, calls);
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat((folder / "file").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0666 & ~mask);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / ""), {}), 1);
}

TEST(AtomicFile, LeavesAFileOfTheTemporaryNameAlone) {
  // A process with this number may have died here before.
  const test::TemporaryFolder folder;
  for (int i = 0; i < 1000; ++i) {
    std::ofstream(folder /
                  ("file." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".tmp"))
        << "old";
  }
  write_file_atomically(folder / "file", "text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / ""), {}), 1001);
}

}  // namespace
}  // namespace frost
