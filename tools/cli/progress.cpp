#include "tools/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "tools/cli/standard_output.h"

namespace frost {

Progress::Progress(std::int64_t done, std::int64_t total, bool quiet)
    : first_(done),
      total_(total),
      quiet_(quiet),
      terminal_(isatty(STDOUT_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  if (terminal_ && !quiet_) print_progress("\n");
}

void Progress::show(std::int64_t done, double steps_per_second, const std::string& text) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  if (done < total_ && shown_ &&
      now - *shown_ < std::chrono::milliseconds(terminal_ ? 100 : 1000)) {
    return;
  }
  shown_ = now;
  const std::chrono::duration<double> elapsed = now - start_;
  const double per_update = elapsed.count() / static_cast<double>(done - first_);
  const auto left = static_cast<std::int64_t>(per_update * static_cast<double>(total_ - done));
  const std::string line = fmt::format("update {}/{} | {:.0f} steps/s | ETA {}:{:02} | {}", done,
                                       total_, steps_per_second, left / 60, left % 60, text);
  print_progress(terminal_ ? "\r\033[K" + line : line + "\n");
}

}  // namespace frost
