#include "bench/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "kernels/cpu_levels.h"
#include "kernels/parallel_for.h"

namespace frost {

double fma_gflops() {
  using Clock = std::chrono::steady_clock;
  // Short tries and many: some find all cores free even where other programs run.
  constexpr std::int64_t kRounds = 100'000;
  constexpr int kTries = 300;
  const CpuLevel& level = chosen_cpu_level();
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    std::atomic<std::int64_t> multiplications = 0;
    const auto start = Clock::now();
    parallel_for(thread_budget(), 1'000'000,
                 [&](std::int64_t) { multiplications += level.multiply_adds(kRounds); });
    const std::chrono::duration<double> seconds = Clock::now() - start;
    best = std::max(best, 2e-9 * static_cast<double>(multiplications) / seconds.count());
  }
  return best;
}

}  // namespace frost
