#include "kernels/parallel_for.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/available_cpus.h"

namespace frost {
namespace {

using Task = void (*)(const void*, std::int64_t, std::int64_t);

/// What `set_thread_budget` decides.
struct Budget {
  std::atomic<std::int64_t> shares;   ///< what kernels plan for
  std::atomic<std::int64_t> threads;  ///< what runs at the same time
  std::atomic<std::int64_t> cpus;     ///< what was available then

  Budget(int asked, std::int64_t available) { set(asked, available); }

  void set(int asked, std::int64_t available) {
    const std::int64_t planned = asked > 0 ? asked : default_shares(available);
    shares = planned;
    cpus = available;
    threads = std::min({planned, available, kMostThreads});
  }

  static std::int64_t default_shares(std::int64_t available) {
    const char* const text = std::getenv("OMP_NUM_THREADS");
    if (text == nullptr) return available;
    int value = 0;
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc() && stop == end && value > 0 ? value : available;
  }

  static constexpr std::int64_t kMostThreads = 4096;
};

Budget& budget() {
  static Budget one(0, available_cpus());
  return one;
}

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

using Clock = std::chrono::steady_clock;

/// Whether `value` changes from `old` before `end`.
bool spin_while(const std::atomic<std::uint32_t>& value, std::uint32_t old, Clock::time_point end) {
  while (Clock::now() < end) {
    for (int i = 0; i < 16; ++i) {
      if (value != old) return true;
      pause();
    }
  }
  return false;
}

/// Whether this process has a pool, and whether it is the child of one that had: then it works on
/// its own thread alone. Of a pool a child inherits locks that nobody will open, and no thread; to
/// start one may hang, if another thread was being started at the fork.
std::atomic<bool> has_pool = false, forked = false;
[[maybe_unused]] const int fork_handler =
    pthread_atfork(nullptr, nullptr, [] { forked = has_pool.load(); });

/// Whether this thread is inside a task: calls from there run on it alone.
thread_local bool inside_task = false;

/// Threads that sleep until a call has work for them.
///
/// One call at a time has the pool. It cuts its indices into a contiguous share per thread. Thread
/// t takes the t-th first, for the cache's sake, and then helps with the others, so a thread that
/// comes late, or never, holds nobody up.
///
/// `gate_` counts the seats still free at the call and the threads inside. A thread enters by
/// taking a seat; whoever finds nothing left to do takes away those still free. The caller returns
/// when no seat is free and nobody is inside, and so the call's description, which is only read
/// inside, may change. A thread that has worked stays awake for some microseconds: small calls come
/// in rows.
class Pool {
 public:
  void run(std::int64_t n, Task task, const void* fn, std::int64_t threads) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock) return task(fn, 0, n);
    const std::int64_t useful = std::min(n, threads);
    start_workers(useful - 1);
    call_ = {task, fn, std::min(useful, workers_ + 1), 1};
    call_.chunk = std::max<std::int64_t>(1, n / (call_.shares * kChunksPerShare));
    if (shares_.size() < static_cast<std::size_t>(call_.shares)) {
      shares_ = std::vector<Share>(static_cast<std::size_t>(call_.shares));
    }
    for (std::int64_t t = 0; t < call_.shares; ++t) {
      Share& share = shares_[static_cast<std::size_t>(t)];
      share.next = n / call_.shares * t + std::min(t, n % call_.shares);
      share.end = share.next + n / call_.shares + (t < n % call_.shares ? 1 : 0);
    }
    failed_ = false;
    spin_ = workers_ < budget().cpus;
    open_gate(call_.shares - 1);
    inside_task = true;
    work(0);
    inside_task = false;
    wait_for_others();
    if (failed_) std::rethrow_exception(std::exchange(fault_, nullptr));
  }

 private:
  struct Call {
    Task task = nullptr;
    const void* fn = nullptr;
    std::int64_t shares = 0, chunk = 1;
  };
  struct alignas(64) Share {  // a cache line each: its thread takes from it undisturbed
    std::atomic<std::int64_t> next = 0;
    std::int64_t end = 0;
  };

  static constexpr std::int64_t kChunksPerShare = 8;
  static constexpr std::uint32_t kInside = 1U << 16, kSeats = kInside - 1;

  void start_workers(std::int64_t wanted) {
    try {
      for (; workers_ < wanted; ++workers_) {
        // Never joined: destructors of static objects may still call kernels, and a sleeping thread
        // holds nothing that the end of the process does not free.
        std::thread([this, id = workers_ + 1] { serve(id); }).detach();
      }
    } catch (const std::system_error&) {
      // The system grants no more threads: the same results with those there are.
    }
  }

  /// The end of the time that a thread may wait awake from now on. None where there are more
  /// threads than CPUs: another of them would wait for ours.
  Clock::time_point awake_until() const {
    return spin_ ? Clock::now() + std::chrono::microseconds(20) : Clock::time_point::min();
  }

  void open_gate(std::int64_t seats) {
    gate_ = static_cast<std::uint32_t>(seats);
    // In this order: who falls asleep now is either counted or sees the seats.
    const std::int64_t asleep = asleep_, wanted = seats - (workers_ - asleep);
    if (wanted >= asleep) return gate_.notify_all();
    for (std::int64_t i = 0; i < wanted; ++i) gate_.notify_one();
  }

  void wait_for_others() {
    const Clock::time_point end = awake_until();
    for (;;) {
      const std::uint32_t seen = departures_;
      if (gate_ == 0) return;
      if (!spin_while(departures_, seen, end)) departures_.wait(seen);
    }
  }

  [[noreturn]] void serve(std::int64_t id) {
    inside_task = true;
    Clock::time_point end = awake_until();
    for (;;) {
      std::uint32_t seen = gate_;
      if ((seen & kSeats) == 0) {
        if (spin_while(gate_, seen, end)) continue;
        ++asleep_;
        gate_.wait(seen);
        --asleep_;
      } else if (gate_.compare_exchange_weak(seen, seen - 1 + kInside)) {
        work(id);
        if (gate_.fetch_sub(kInside) == kInside) {
          ++departures_;
          departures_.notify_one();
        }
        end = awake_until();
      }
    }
  }

  /// Takes chunks, from the `first` share on, until none is left.
  void work(std::int64_t first) {
    for (std::int64_t t = 0; t < call_.shares; ++t) {
      Share& share = shares_[static_cast<std::size_t>((first + t) % call_.shares)];
      while (share.next.load(std::memory_order_relaxed) < share.end && !failed_) {
        const std::int64_t begin = share.next.fetch_add(call_.chunk, std::memory_order_relaxed);
        if (begin < share.end) run_chunk(begin, std::min(begin + call_.chunk, share.end));
      }
    }
    gate_ &= ~kSeats;
  }

  void run_chunk(std::int64_t begin, std::int64_t end) {
    try {
      call_.task(call_.fn, begin, end);
    } catch (...) {
      if (!failed_.exchange(true)) fault_ = std::current_exception();
    }
  }

  std::mutex busy_;           ///< held by the call that has the pool
  std::int64_t workers_ = 0;  ///< threads besides the caller's
  Call call_;
  std::vector<Share> shares_;
  std::exception_ptr fault_;
  std::atomic<bool> failed_ = false, spin_ = false;
  std::atomic<std::int64_t> asleep_ = 0;
  alignas(64) std::atomic<std::uint32_t> gate_ = 0;
  alignas(64) std::atomic<std::uint32_t> departures_ = 0;  ///< of threads that were the last inside
};

Pool& pool() {
  static Pool* const one = new Pool;  // leaked like its threads
  return *one;
}

}  // namespace

void set_thread_budget(int threads) {
  set_thread_budget(threads, available_cpus());
}

void set_thread_budget(int threads, std::int64_t cpus) {
  budget().set(threads, cpus);
}

std::int64_t thread_budget() {
  return budget().shares;
}

std::int64_t running_threads() {
  return budget().threads;
}

std::string thread_summary() {
  const auto count = [](std::int64_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  const std::int64_t planned = thread_budget(), running = running_threads();
  return count(planned, "thread") + (running < planned ? " on " + count(running, "CPU") : "");
}

void run_tasks(std::int64_t n, Task task, const void* fn) {
  const std::int64_t threads = running_threads();
  if (n < 2 || threads < 2 || inside_task || forked) return task(fn, 0, n);
  has_pool = true;
  pool().run(n, task, fn, threads);
}

}  // namespace frost
