#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace frost {

/// The line a long program shows: rewritten in place on a terminal, one line each otherwise.
class Progress {
 public:
  Progress(std::int64_t done, std::int64_t total, bool quiet);
  ~Progress();

  /// At most every 0.1 s on a terminal, else every second, and at the end: "update 12/60 | 310
  /// steps/s | ETA 2:05 | " and `text`.
  void show(std::int64_t done, double steps_per_second, const std::string& text);

 private:
  std::int64_t first_, total_;
  bool quiet_, terminal_;
  std::chrono::steady_clock::time_point start_;
  std::optional<std::chrono::steady_clock::time_point> shown_;  ///< when last
};

}  // namespace frost
