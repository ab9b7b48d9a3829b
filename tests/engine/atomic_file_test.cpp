#include "engine/io/atomic_file.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/text_files.h"
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

namespace fs = std::filesystem;
using test::refuses;

TEST(AtomicFile, APipeIsWrittenThroughAndStaysOne) {
  const test::TemporaryFolder folder;
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("pipe", folder / "link");
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  for (const std::string name : {"pipe", "link"}) {
    write_file_atomically(folder / name, name);
    std::string read(64, '\0');
    read.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(reader, read.data(), 64))));
    EXPECT_EQ(read, name);
    EXPECT_TRUE(fs::is_fifo(pipe));
  }
  ::close(reader);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / ""), {}), 2);
}

// Not /dev/null and /dev/full by their own names: root would lose them to a fault of the code.
TEST(AtomicFile, ADeviceIsWrittenThrough) {
  int master = -1, terminal = -1;
  ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
  const std::string name = ::ttyname(terminal);
  write_file_atomically(name, "text");
  std::string read(64, '\0');
  read.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(master, read.data(), 64))));
  EXPECT_EQ(read, "text");
  EXPECT_TRUE(fs::is_character_file(name));
  ::close(terminal);
  ::close(master);
}

TEST(AtomicFile, AFullDeviceIsAnError) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const std::string name = "/dev/fd/" + std::to_string(full);
  EXPECT_TRUE(refuses([&] { write_file_atomically(name, "text"); },
                      name + ": cannot write: No space left on device"));
  ::close(full);
}

TEST(AtomicFile, ANameOfADescriptorSharesItsPosition) {
  const test::TemporaryFolder folder;
  const int fd = ::open((folder / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(fd, "before ", 7), 7);
  write_file_atomically("/dev/fd/" + std::to_string(fd), "text");
  ASSERT_EQ(::write(fd, " after", 6), 6);
  ::close(fd);
  EXPECT_EQ(read_text(folder / "file"), "before text after");
}

TEST(AtomicFile, APipeThatNobodyReadsIsAnError) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  const std::string name = "/dev/fd/" + std::to_string(ends[1]);
  EXPECT_TRUE(refuses([&] { write_file_atomically(name, "text"); }, "cannot write: Broken pipe"));
  ::close(ends[1]);
  std::signal(SIGPIPE, before);
}

TEST(AtomicFile, OfASymbolicLinkTheFileBehindItIsReplaced) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "far");
  write_file_atomically(folder / "far/file", "old");
  fs::create_symlink("far/file", folder / "link");
  fs::create_symlink("link", folder / "second");
  fs::create_symlink("far/new", folder / "dangling");
  write_file_atomically(folder / "second", "new");
  write_file_atomically(folder / "dangling", "made");
  EXPECT_EQ(read_text(folder / "far/file"), "new");
  EXPECT_EQ(read_text(folder / "far/new"), "made");
  for (const char* link : {"link", "second", "dangling"}) {
    EXPECT_TRUE(fs::is_symlink(folder / link)) << link;
  }
  fs::create_symlink("loop", folder / "loop");
  EXPECT_TRUE(
      refuses([&] { write_file_atomically(folder / "loop", "x"); }, "too many symbolic links"));
}

// The folder of a process that has ended is a link that leads nowhere any more.
TEST(AtomicFile, ASymbolicLinkThatCannotBeReadIsRefusedWithItsReason) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_GT(child, 0);
  siginfo_t ended;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  const std::string link = "/proc/" + std::to_string(child) + "/cwd";
  EXPECT_TRUE(refuses([&] { write_file_atomically(link, "x"); },
                      link + ": cannot read the symbolic link: No such file or directory"));
  ::waitpid(child, nullptr, 0);
}

TEST(AtomicFile, ASocketIsRefused) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "socket";
  sockaddr_un address{AF_UNIX, {}};
  ASSERT_LT(path.string().size(), sizeof address.sun_path);
  std::strcpy(address.sun_path, path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(refuses([&] { write_file_atomically(path, "x"); }, "is a socket"));
  EXPECT_TRUE(fs::is_socket(path));
  ::close(fd);
}

}  // namespace
}  // namespace frost
