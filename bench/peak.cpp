#include "bench/peak.h"

#include <omp.h>

#include <algorithm>
#include <chrono>

namespace frost {
namespace {

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#else
constexpr int kWidth = 8;
#endif
using Floats = float __attribute__((vector_size(4 * kWidth)));

// Two units of four cycles each are busy with eight chains; the rest is reserve.
constexpr int kChains = 12;

/// `rounds` links of every chain. The multiplication is fused where the compiler may contract
/// floating point, which is its default.
float run_chains(long rounds) {
  Floats sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = Floats{} + 1e-3f * static_cast<float>(i);
  const Floats factor = Floats{} + 0.999f, term = Floats{} + 1e-4f;
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = sum[i] * factor + term;
  }
  Floats total{};
  for (const Floats& s : sum) total += s;
  return total[0];
}

}  // namespace

double fma_gflops(int threads) {
  using Clock = std::chrono::steady_clock;
  // Short tries and many: some find all cores free even where other programs run.
  constexpr long kRounds = 100'000;
  constexpr int kTries = 500;
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    float kept = 0;
    const auto start = Clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : kept)
    kept += run_chains(kRounds);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    volatile float sink = kept;  // or the chains are dead code
    static_cast<void>(sink);
    best = std::max(best, 2e-9 * kRounds * kChains * kWidth * threads / seconds.count());
  }
  return best;
}

}  // namespace frost
