#include "kernels/parallel_for.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "kernels/available_cpus.h"

namespace frost {
namespace {

constexpr std::int64_t kAlways = 1'000'000;  ///< a cost that is worth a fork

std::int64_t sum_to(std::int64_t n) {
  std::atomic<std::int64_t> sum = 0;
  parallel_for(n, kAlways, [&](std::int64_t i) { sum += i; });
  return sum;
}

/// The threads that ran indices.
std::set<std::thread::id> threads_of(std::int64_t n) {
  std::mutex lock;
  std::set<std::thread::id> ids;
  parallel_for(n, kAlways, [&](std::int64_t) {
    const std::lock_guard guard(lock);
    ids.insert(std::this_thread::get_id());
  });
  return ids;
}

/// Calls `body` on a thread that may run on one CPU only.
template <class Body>
void on_one_cpu(const Body& body) {
  std::thread([&] {
    cpu_set_t allowed, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &allowed)) ++cpu;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    body();
  }).join();
}

/// The exit status of a child process that calls `body`; -1 if that took more than 60 seconds.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Most tests say how many CPUs there are, so that several threads run wherever they are run.
class ParallelFor : public testing::Test {
 protected:
  void TearDown() override { set_thread_budget(0); }
};

TEST_F(ParallelFor, CallsEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 5, 16}) {
    set_thread_budget(threads, 8);
    for (const std::int64_t n : {0, 1, 2, 3, 7, 15, 16, 17, 100, 1000, 4097, 50'000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(n));
      parallel_for(n, kAlways, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
      EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const auto& c) { return c == 1; }))
          << n << " indices, " << threads << " threads";
    }
  }
}

TEST_F(ParallelFor, BlocksCoverTheRange) {
  set_thread_budget(4, 4);
  for (const std::int64_t n : {0, 1, 4096, 4097, 100'000}) {
    std::atomic<std::int64_t> covered = 0, sum = 0;
    parallel_blocks(n, 100, [&](std::int64_t begin, std::int64_t end) {
      EXPECT_LE(end - begin, 4096);
      covered += end - begin;
      for (std::int64_t i = begin; i < end; ++i) sum += i;
    });
    EXPECT_EQ(covered, n);
    EXPECT_EQ(sum, n * (n - 1) / 2);
  }
}

TEST_F(ParallelFor, SmallWorkStaysOnItsThread) {
  set_thread_budget(4, 4);
  const std::thread::id self = std::this_thread::get_id();
  parallel_for(100, 1, [&](std::int64_t) { EXPECT_EQ(std::this_thread::get_id(), self); });
}

TEST_F(ParallelFor, ManySmallCallsInARow) {
  for (const int threads : {2, 4, 8}) {
    set_thread_budget(threads, threads);
    for (std::int64_t n = 2; n < 2000; ++n) ASSERT_EQ(sum_to(n % 20), (n % 20) * (n % 20 - 1) / 2);
  }
}

TEST_F(ParallelFor, AThreadThatIsHeldUpHoldsNobodyUp) {
  set_thread_budget(2, 2);
  std::atomic<int> others = 0;
  parallel_for(16, kAlways, [&](std::int64_t i) {
    if (i != 0) {
      ++others;
      return;
    }
    // The rest of this thread's share must be done by the other one meanwhile.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (others < 15 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    EXPECT_EQ(others, 15);
  });
}

TEST_F(ParallelFor, AnExceptionReachesTheCaller) {
  for (const int threads : {1, 2, 8}) {
    set_thread_budget(threads, 8);
    for (const std::int64_t faulty : {0, 37, 99}) {
      const auto run = [&] {
        parallel_for(100, kAlways, [&](std::int64_t i) {
          if (i == faulty) throw std::runtime_error("index " + std::to_string(i));
        });
      };
      try {
        run();
        FAIL() << "no exception";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), "index " + std::to_string(faulty));
      }
    }
    EXPECT_THROW(parallel_for(100, kAlways, [](std::int64_t) { throw std::bad_alloc(); }),
                 std::bad_alloc);
    EXPECT_EQ(sum_to(1000), 499'500);
  }
}

TEST_F(ParallelFor, NestedCallsRunOnTheirThread) {
  set_thread_budget(4, 4);
  std::atomic<std::int64_t> sum = 0;
  parallel_for(20, kAlways, [&](std::int64_t) {
    const std::thread::id self = std::this_thread::get_id();
    parallel_for(10, kAlways, [&](std::int64_t i) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      sum += i;
    });
  });
  EXPECT_EQ(sum, 20 * 45);
}

TEST_F(ParallelFor, TwoCallersAtOnce) {
  set_thread_budget(3, 3);
  const auto call = [] {
    for (int i = 0; i < 500; ++i) ASSERT_EQ(sum_to(100), 4950);
  };
  std::thread other(call);
  call();
  other.join();
}

TEST_F(ParallelFor, TheBudgetMayChange) {
  for (const int threads : {4, 2, 8, 1, 3}) {
    set_thread_budget(threads, 6);
    EXPECT_EQ(thread_budget(), threads);
    EXPECT_EQ(running_threads(), std::min(threads, 6));
    EXPECT_LE(threads_of(1000).size(), static_cast<std::size_t>(std::min(threads, 6)));
    EXPECT_EQ(sum_to(1000), 499'500);
  }
}

TEST_F(ParallelFor, MoreThreadsThanCpusRunOnTheCpus) {
  on_one_cpu([] {
    EXPECT_EQ(available_cpus(), 1);
    set_thread_budget(16);
    EXPECT_EQ(thread_budget(), 16);
    EXPECT_EQ(running_threads(), 1);
    EXPECT_EQ(thread_summary(), "16 threads on 1 CPU");
    EXPECT_EQ(threads_of(1000), std::set{std::this_thread::get_id()});
    set_thread_budget(1);
    EXPECT_EQ(thread_summary(), "1 thread");
  });
  set_thread_budget(16, 2);
  EXPECT_EQ(thread_summary(), "16 threads on 2 CPUs");
  set_thread_budget(2, 16);
  EXPECT_EQ(thread_summary(), "2 threads");
}

TEST_F(ParallelFor, ZeroThreadsIsTheEnvironmentsChoiceElseTheCpus) {
  const char* const before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before == nullptr ? "" : before;
  setenv("OMP_NUM_THREADS", "37", 1);
  set_thread_budget(0);
  EXPECT_EQ(thread_budget(), 37);
  for (const char* text : {"", "0", "-3", "4,2", "four", "99999999999"}) {
    setenv("OMP_NUM_THREADS", text, 1);
    set_thread_budget(0);
    EXPECT_EQ(thread_budget(), available_cpus()) << text;
  }
  unsetenv("OMP_NUM_THREADS");
  set_thread_budget(0);
  EXPECT_EQ(thread_budget(), available_cpus());
  if (before != nullptr) setenv("OMP_NUM_THREADS", kept.c_str(), 1);
}

TEST_F(ParallelFor, SleepingThreadsUseNoCpuTime) {
  set_thread_budget(8, 8);
  sum_to(1000);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(cpu_seconds() - before, 0.02);
}

#if !defined(__SANITIZE_THREAD__)  // it refuses threads in a child of a process that had some
TEST_F(ParallelFor, AForkedChildWorksAlone) {
  set_thread_budget(4, 4);
  EXPECT_EQ(sum_to(1000), 499'500);
  EXPECT_EQ(in_child([] { return sum_to(1000) == 499'500 ? 0 : 1; }), 0);
  EXPECT_EQ(sum_to(1000), 499'500);
}

TEST_F(ParallelFor, AChildForkedDuringACallOfAnotherThreadWorksAlone) {
  set_thread_budget(4, 4);
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) sum_to(1000);
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(in_child([] { return sum_to(1000) == 499'500 ? 0 : 1; }), 0);
  }
  stop = true;
  other.join();
}
#endif

}  // namespace
}  // namespace frost
