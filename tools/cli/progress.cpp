#include "tools/cli/progress.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/cli/standard_output.h"
#include "tools/cli/terminal.h"

namespace frost {
namespace {

/// "2:05", "1:02:05".
std::string clock_text(std::int64_t seconds) {
  const std::int64_t minutes = seconds / 60 % 60, hours = seconds / 3600;
  if (hours == 0) return fmt::format("{}:{:02}", minutes, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % 60);
}

}  // namespace

Progress::Progress(std::int64_t done, std::int64_t total, std::int64_t steps, bool quiet)
    : first_(done),
      total_(total),
      steps_(steps),
      quiet_(quiet),
      terminal_(terminal_draws()),
      start_(std::chrono::steady_clock::now()),
      looked_(start_) {}

Progress::~Progress() {
  leave_standing();
}

void Progress::show(std::int64_t done, const Shown& shown) {
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
  const std::string update = fmt::format("update {}/{}", done, total_),
                    rate = fmt::format("{:.0f} steps/s", shown.steps_per_second),
                    end = "ETA " + clock_text(left);
  if (!terminal_) {
    print_progress(
        fmt::format("{} | {} | {} | {}\n", update, rate, end, fmt::join(shown.results, " | ")));
    return;
  }
  groups_ = {{update, fmt::format("{}/{} steps", done * steps_, total_ * steps_), rate, end},
             shown.results};
  groups_.insert(groups_.end(), shown.more.begin(), shown.more.end());
  draw();
}

void Progress::refresh() {
  if (quiet_ || groups_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < std::chrono::milliseconds(100)) return;
  looked_ = now;
  if (terminal_columns() != columns_) draw();
}

void Progress::draw() {
  columns_ = terminal_columns();
  print_standing(flow_fields(groups_, columns_));
}

}  // namespace frost
