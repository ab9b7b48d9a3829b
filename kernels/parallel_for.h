#pragma once

#include <cstdint>
#include <string>

namespace frost {

/// Sets the one thread budget of kernels and environments: the number of shares they plan for, on
/// which the bits of results depend. 0: OMP_NUM_THREADS where that is a positive integer, else
/// `available_cpus()`. Also asks again for the available CPUs. Safe to call from any thread.
void set_thread_budget(int threads);
/// The same as if `cpus` were available: for tests.
void set_thread_budget(int threads, std::int64_t cpus);
/// The thread budget; never less than 1. Safe to call from any thread.
std::int64_t thread_budget();
/// Threads that run at the same time, the caller's included: the smaller of the budget and the CPUs
/// that were available when it was set. Results do not depend on it.
std::int64_t running_threads();
/// "2 threads", or "16 threads on 1 CPU" where fewer run than were asked for.
std::string thread_summary();

/// Runs `task(fn, begin, end)` over pieces that together are [0, n), on this thread and those of
/// the pool; returns when all have. The first exception of a task is thrown here after every thread
/// has left it, and indices may be left out then. Calls from inside a task run on its own thread,
/// and so do calls made while another thread has the pool. So does the child
/// of a process that had a pool, after fork() without exec().
void run_tasks(std::int64_t n, void (*task)(const void* fn, std::int64_t begin, std::int64_t end),
               const void* fn);

/// Calls fn(i) for i in [0, n), over the thread budget when a run of all costs at least
/// ~20 microseconds; `cost` is a rough count of float operations of one call. The first exception
/// of a call is thrown here; some of the others may be left out then.
template <class Fn>
void parallel_for(std::int64_t n, std::int64_t cost, const Fn& fn) {
  constexpr std::int64_t kWorthForking = 40'000;
  const auto range = [](const void* call, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) (*static_cast<const Fn*>(call))(i);
  };
  if (n > 1 && n * cost >= kWorthForking) {
    run_tasks(n, range, &fn);
  } else {
    range(&fn, 0, n);
  }
}

/// Elements of a piece of `parallel_blocks`, for sums of one term per piece.
inline constexpr std::int64_t kParallelBlock = 4096;

/// Calls fn(begin, end) over contiguous pieces of [0, n) of `kParallelBlock` elements, the last one
/// of what is left.
template <class Fn>
void parallel_blocks(std::int64_t n, std::int64_t cost, const Fn& fn) {
  constexpr std::int64_t kBlock = kParallelBlock;
  parallel_for((n + kBlock - 1) / kBlock, kBlock * cost, [&](std::int64_t b) {
    const std::int64_t begin = b * kBlock;
    fn(begin, begin + kBlock < n ? begin + kBlock : n);
  });
}

}  // namespace frost
