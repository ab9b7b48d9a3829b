#include "tools/cli/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tools/cli/terminal.h"

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

std::vector<std::string> standing_lines;

/// Takes the lines that stand away: to the first of their rows, and clear until the end. A terminal
/// that became narrower has wrapped them.
std::string erase_standing() {
  if (standing_lines.empty()) return "";
  const auto columns = static_cast<std::size_t>(terminal_columns());
  std::size_t rows = 0;
  for (const std::string& line : standing_lines) {
    rows += std::max<std::size_t>(1, (line.size() + columns - 1) / columns);
  }
  return fmt::format("\r\033[{}A\033[J", rows);
}

std::string standing_text() {
  std::string text;
  for (const std::string& line : standing_lines) text += line + "\n";
  return text;
}

void print_at_once(std::string_view text) {
  if (progress_failed || results_failure != 0) return;
  int failure = put(text);
  if (failure == 0 && std::fflush(stdout) != 0) failure = errno;
  if (failure == 0) return;
  progress_failed = true;
  standing_lines.clear();
  if (nobody_looks(failure)) return;
  print_note(fmt::format("warning: cannot write to standard output: {}; going on without it",
                         std::strerror(failure)));
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
  if (standing_lines.empty()) return print_at_once(text);
  std::string all = erase_standing();
  all += text;
  print_at_once(all + standing_text());
}

void print_standing(const std::vector<std::string>& lines) {
  flush_output();
  const std::string erased = erase_standing();
  standing_lines = lines;
  print_at_once(erased + standing_text());
}

void leave_standing() {
  standing_lines.clear();
}

void print_note(std::string_view text) {
  if (!standing_lines.empty()) print_at_once(erase_standing());
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  if (!standing_lines.empty()) print_at_once(standing_text());
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
