#include "tools/cli/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

namespace frost {
namespace {

int results_failure = 0;       ///< errno of the first result that could not be printed
bool results_waiting = false;  ///< printed since the last flush
bool progress_failed = false;

/// errno, or 0.
int put(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : errno;
}

bool nobody_looks(int failure) {
  return failure == EPIPE || failure == EIO || failure == EBADF;
}

}  // namespace

void secure_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // A folder opened for reading: it takes the lowest number, and no write to it succeeds.
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) ::open("/", O_RDONLY | O_DIRECTORY);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

void print_text(std::string_view text) {
  if (results_failure != 0) return;
  results_waiting = true;
  results_failure = put(text);
}

void flush_output() {
  if (!std::exchange(results_waiting, false) || results_failure != 0) return;
  if (std::fflush(stdout) != 0) results_failure = errno;
}

void print_progress(std::string_view text) {
  flush_output();
  if (progress_failed || results_failure != 0) return;
  int failure = put(text);
  if (failure == 0 && std::fflush(stdout) != 0) failure = errno;
  if (failure == 0) return;
  progress_failed = true;
  if (nobody_looks(failure)) return;
  print_note(fmt::format("warning: cannot write to standard output: {}; going on without it",
                         std::strerror(failure)));
}

void print_note(std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

int finish_output(int status) {
  flush_output();
  const int failure = std::exchange(results_failure, 0);
  if (failure == 0 || status != 0) return status;
  if (failure == EPIPE) return 128 + SIGPIPE;
  print_note(fmt::format("error: cannot write to standard output: {}", std::strerror(failure)));
  return 1;
}

}  // namespace frost
