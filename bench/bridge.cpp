#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <vector>

#include "kernels/errors.h"
#include "rl/envs/gymnasium/gymnasium_environment.h"
#include "rl/vector_environment.h"

// What the steps of Python environments cost: wall time, and the CPU time of this process and of
// its workers. usage: bridge NAME WORKERS ENVIRONMENTS STEPS [PYTHON]; bench/bridge.py reads it.
namespace frost {
namespace {

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Of this process and its children.
double cpu_seconds() {
  double sum = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      clockid_t clock = 0;
      if (::clock_getcpuclockid(child, &clock) == 0) sum += seconds(clock);
    }
  }
  return sum;
}

int number(const char* text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
  if (error != std::errc{} || *end != '\0' || value < 1) {
    throw UsageError(fmt::format("'{}' is no number of at least 1", text));
  }
  return value;
}

void measure(int count, char** words) {
  if (count != 5 && count != 6) {
    throw UsageError("usage: bridge NAME WORKERS ENVIRONMENTS STEPS [PYTHON]");
  }
  GymnasiumConfig config;
  config.workers = number(words[2]);
  if (count == 6) config.python = words[5];
  const int environments = number(words[3]), steps = number(words[4]);
  const auto pool = std::make_shared<WorkerPool>(words[1], config);
  VectorEnvironment all([&] { return std::make_unique<GymnasiumEnvironment>(pool); }, environments,
                        1);
  const std::vector<Action> actions(static_cast<std::size_t>(environments), Action{{0}, {}});
  for (int i = 0; i < steps / 10; ++i) all.step(actions);
  const double wall = seconds(CLOCK_MONOTONIC), cpu = cpu_seconds();
  for (int i = 0; i < steps; ++i) all.step(actions);
  const double per_step = 1e6 / (static_cast<double>(steps) * environments);
  fmt::print("{{\"wall_us\": {:.3f}, \"cpu_us\": {:.3f}}}\n",
             per_step * (seconds(CLOCK_MONOTONIC) - wall), per_step * (cpu_seconds() - cpu));
}

}  // namespace
}  // namespace frost

int main(int count, char** words) {
  try {
    frost::measure(count, words);
  } catch (const frost::UsageError& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
