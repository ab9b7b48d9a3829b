#pragma once

#include <omp.h>

#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#include <thread>
#endif

#include "kernels/backend.h"

namespace frost {

/// Threads that the kernels may use together.
inline std::int64_t thread_budget() {
  return omp_get_max_threads();
}

/// Calls fn(i) for i in [0, n), over the OpenMP thread budget when a run of all costs at least
/// ~20 microseconds; `cost` is a rough count of float operations of one call.
template <class Fn>
void parallel_for(std::int64_t n, std::int64_t cost, const Fn& fn) {
  constexpr std::int64_t kWorthForking = 40'000;
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer does not see libgomp's barriers; plain threads show it the same sharing.
  if (n > 1 && n * cost >= kWorthForking) {
    std::thread upper([&] {
      for (std::int64_t i = n / 2; i < n; ++i) fn(i);
    });
    for (std::int64_t i = 0; i < n / 2; ++i) fn(i);
    return upper.join();
  }
#endif
#pragma omp parallel for schedule(static) if (n > 1 && n * cost >= kWorthForking)
  for (std::int64_t i = 0; i < n; ++i) fn(i);
}

/// Calls fn(begin, end) over contiguous pieces of [0, n) of at most `kBlock` elements.
template <class Fn>
void parallel_blocks(std::int64_t n, std::int64_t cost, const Fn& fn) {
  constexpr std::int64_t kBlock = 4096;
  parallel_for((n + kBlock - 1) / kBlock, kBlock * cost, [&](std::int64_t b) {
    const std::int64_t begin = b * kBlock;
    fn(begin, begin + kBlock < n ? begin + kBlock : n);
  });
}

}  // namespace frost
