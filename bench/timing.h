#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace frost {

/// Seconds of one call.
struct Timing {
  double median = 0, best = 0;
  int repetitions = 0;
};

/// Calls `fn` once to make it ready, then for `seconds`, at least five times.
template <class Fn>
Timing time_calls(double seconds, const Fn& fn) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kFewest = 5, kMost = 5000;
  fn();
  std::vector<double> times;
  double total = 0;
  while (times.size() < kFewest || (total < seconds && times.size() < kMost)) {
    const auto start = Clock::now();
    fn();
    const std::chrono::duration<double> time = Clock::now() - start;
    times.push_back(time.count());
    total += time.count();
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[0], static_cast<int>(times.size())};
}

/// Memory bandwidth by the triad a = b + s c on arrays beyond all caches, GB/s. Counted as McCalpin
/// does: two reads and a write per element, not the read that precedes the write.
double triad_gigabytes_per_second();

}  // namespace frost
