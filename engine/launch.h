#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace frost {

/// Calls and seconds of one kernel since profiling was enabled.
struct LaunchStats {
  std::int64_t calls = 0;
  double seconds = 0;
};

/// What `launch` does besides calling: nothing, timing, or counting without computing.
class LaunchControl {
 public:
  static void enable_profile(bool on);
  static bool profiling() { return profiling_; }
  static bool dry_run() { return dry_run_; }
  static std::map<std::string, LaunchStats> profile();
  static void record(const char* name, double seconds);

 private:
  friend class DryRun;

  static bool profiling_;
  static bool dry_run_;
};

/// The only door from the engine to a kernel.
template <class Fn>
void launch(const char* name, const Fn& kernel) {
  if (LaunchControl::dry_run()) return;
  if (!LaunchControl::profiling()) return kernel();
  const auto start = std::chrono::steady_clock::now();
  kernel();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  LaunchControl::record(name, elapsed.count());
}

/// The door for kernels that allocate for themselves, packed weights and scratch: they run in a dry
/// run too, where the backend allocates and computes nothing.
template <class Fn>
void launch_allocating(const char* name, const Fn& kernel) {
  if (LaunchControl::dry_run()) return kernel();
  launch(name, kernel);
}

}  // namespace frost
