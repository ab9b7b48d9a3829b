#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace frost {

/// What a long program shows while it works: on a terminal a block of lines that stands below what
/// is logged, laid out anew where the terminal was resized; elsewhere a line now and then.
class Progress {
 public:
  /// Of one update.
  struct Shown {
    double steps_per_second = 0;
    std::vector<std::string> results;  ///< fields of the line, and the second line of the block
    std::vector<std::vector<std::string>> more = {};  ///< fields of further lines of the block
  };

  /// `steps` are those of one update.
  Progress(std::int64_t done, std::int64_t total, std::int64_t steps, bool quiet);
  /// Leaves the block as it is, above what is printed next.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// At most every 0.1 s on a terminal, else every second, and at the end: "update 12/60 | 310
  /// steps/s | ETA 2:05 | " and the results.
  void show(std::int64_t done, const Shown& shown);
  /// To be called often: draws the block anew where the terminal was resized.
  void refresh();

 private:
  void draw();

  std::int64_t first_, total_, steps_;
  bool quiet_, terminal_;
  std::chrono::steady_clock::time_point start_;
  std::optional<std::chrono::steady_clock::time_point> shown_;  ///< when last
  std::chrono::steady_clock::time_point looked_;                ///< when last for the size
  std::vector<std::vector<std::string>> groups_;
  int columns_ = 0;
};

}  // namespace frost
