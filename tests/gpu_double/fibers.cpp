#include "tests/gpu_double/fibers.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tests/gpu_double/settings.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace frost::gpu_double {

uint3 thread_index{}, block_index{};

namespace {

constexpr unsigned kWarp = 32, kMostThreads = 1024;
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

/// A stack that runs one thread after the other until one of them waits, and goes on with that one
/// when it may. Made by makecontext once; switches go by setjmp, which asks the kernel nothing.
struct Fiber {
  std::unique_ptr<char[]> stack;
  ucontext_t start;
  jmp_buf resume;
  void* sanitizer_stack = nullptr;
};

struct Thread {
  enum State { kUnstarted, kReady, kAtBarrier, kAtCollective, kDone };
  State state = kUnstarted;
  Collective what = Collective::kSync;
  unsigned mask = 0;
  std::uint64_t value = 0;
  int argument = 0;
  Fiber* fiber = nullptr;  ///< while it waits
};

/// The block that runs. Kernels run one at a time, on the host thread that enqueues or waits.
struct Block {
  const std::function<void()>* body = nullptr;
  std::vector<Thread> threads;
  std::vector<unsigned> order;  ///< of starting
  std::size_t started = 0, done = 0;
  int current = -1;  ///< -1: no thread runs
  std::vector<Fiber*> idle;
  std::vector<std::unique_ptr<Fiber>> fibers;
  Fiber* running = nullptr;
  jmp_buf scheduler;
  void* scheduler_sanitizer_stack = nullptr;
  const void* scheduler_stack = nullptr;
  std::size_t scheduler_stack_bytes = 0;
};

Block now;
std::vector<std::span<char>> shared_memory;

void poison(std::span<char> memory) {
  std::memset(memory.data(), 0xFF, memory.size());
}

[[noreturn]] void stop(const std::string& what) {
  violation(what + " (block " + std::to_string(block_index.x) + "," +
            std::to_string(block_index.y) + ", thread " + std::to_string(now.current) + ")");
}

// AddressSanitizer keeps a picture of every stack and is told of each change.
void leave_for([[maybe_unused]] void** saved, [[maybe_unused]] const void* bottom,
               [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(saved, bottom, bytes);
#endif
}
void arrive([[maybe_unused]] void* saved, [[maybe_unused]] const void** bottom,
            [[maybe_unused]] std::size_t* bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(saved, bottom, bytes);
#endif
}

// Not inlined: setjmp leaves no variable of its caller in doubt then.
[[gnu::noinline]] void to_scheduler() {
  Fiber& self = *now.running;
  if (_setjmp(self.resume) == 0) {
    leave_for(&self.sanitizer_stack, now.scheduler_stack, now.scheduler_stack_bytes);
    _longjmp(now.scheduler, 1);
  }
  arrive(self.sanitizer_stack, &now.scheduler_stack, &now.scheduler_stack_bytes);
}

void select_thread(int t) {
  now.current = t;
  thread_index = {static_cast<unsigned>(t), 0, 0};
}

void fiber_main() {
  arrive(nullptr, &now.scheduler_stack, &now.scheduler_stack_bytes);
  for (;;) {
    while (now.started < now.order.size()) {
      const unsigned t = now.order[now.started++];
      select_thread(static_cast<int>(t));
      (*now.body)();
      now.threads[static_cast<std::size_t>(now.current)].state = Thread::kDone;
      ++now.done;
    }
    now.current = -1;
    now.idle.push_back(now.running);
    to_scheduler();
  }
}

Fiber& make_fiber() {
  Fiber& fiber = *now.fibers.emplace_back(std::make_unique<Fiber>());
  fiber.stack.reset(new char[kStackBytes]);
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.get();
  fiber.start.uc_stack.ss_size = kStackBytes;
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, fiber_main, 0);
  return fiber;
}

/// Runs the fiber until its thread waits or no thread is left to start.
[[gnu::noinline]] void switch_to(Fiber& fiber, bool fresh) {
  now.running = &fiber;
  if (_setjmp(now.scheduler) == 0) {
    leave_for(&now.scheduler_sanitizer_stack, fiber.stack.get(), kStackBytes);
    if (fresh) setcontext(&fiber.start);
    _longjmp(fiber.resume, 1);
  }
  arrive(now.scheduler_sanitizer_stack, nullptr, nullptr);
}

void wait_as(Thread::State state) {
  Thread& self = now.threads[static_cast<std::size_t>(now.current)];
  const int t = now.current;
  self.state = state;
  self.fiber = now.running;
  to_scheduler();
  select_thread(t);
}

/// Those from `first` on in the order of starting, up to `last`.
bool resume_ready_threads(std::size_t first, std::size_t last) {
  bool any = false;
  for (std::size_t i = first; i < last; ++i) {
    Thread& thread = now.threads[now.order[i]];
    if (thread.state != Thread::kReady) continue;
    thread.state = Thread::kUnstarted;  // it runs; it will say what comes next
    switch_to(*thread.fiber, false);
    any = true;
  }
  return any;
}

bool start_threads() {
  if (now.started == now.order.size()) return false;
  if (now.idle.empty()) {
    switch_to(make_fiber(), true);
  } else {
    Fiber* const fiber = now.idle.back();
    now.idle.pop_back();
    switch_to(*fiber, false);
  }
  return true;
}

void complete_collective(std::span<Thread> warp) {
  std::array<std::uint64_t, kWarp> values{};
  std::uint64_t ballot = 0;
  for (std::size_t lane = 0; lane < kWarp; ++lane) {
    values[lane] = warp[lane].value;
    if (values[lane] != 0) ballot |= std::uint64_t{1} << lane;
  }
  for (std::size_t lane = 0; lane < kWarp; ++lane) {
    Thread& t = warp[lane];
    if (t.what == Collective::kShuffleXor) {
      t.value = values[(lane ^ static_cast<std::size_t>(t.argument)) % kWarp];
    } else if (t.what == Collective::kBallot) {
      t.value = ballot;
    }
    t.state = Thread::kReady;
  }
}

/// Of the warp that begins at this thread, if all its lanes are there.
bool complete_collective_of(std::size_t first) {
  const std::span<Thread> warp(&now.threads[first], kWarp);
  const bool together = std::all_of(warp.begin(), warp.end(), [&](const Thread& t) {
    return t.state == Thread::kAtCollective && t.what == warp[0].what &&
           t.argument == warp[0].argument;
  });
  if (together) complete_collective(warp);
  return together;
}

/// All warps side by side, by one step.
bool step_together() {
  if (resume_ready_threads(0, now.order.size())) return true;
  bool any = false;
  for (std::size_t first = 0; first < now.threads.size(); first += kWarp) {
    any |= complete_collective_of(first);
  }
  return any;
}

/// Warp after warp, each as far as it can.
bool run_warps_ahead() {
  bool any = false;
  for (std::size_t first = 0; first < now.order.size(); first += kWarp) {
    const std::size_t warp = now.order[first] / kWarp * kWarp;
    while (resume_ready_threads(first, first + kWarp) || complete_collective_of(warp)) any = true;
  }
  return any;
}

bool complete_barrier() {
  std::size_t waiting = 0;
  for (const Thread& t : now.threads) waiting += t.state == Thread::kAtBarrier;
  if (waiting == 0) return false;
  if (waiting < now.threads.size()) {
    const auto missing = std::find_if(now.threads.begin(), now.threads.end(), [](const Thread& t) {
      return t.state != Thread::kAtBarrier;
    });
    now.current = static_cast<int>(missing - now.threads.begin());
    stop(missing->state == Thread::kDone
             ? "a thread has ended while others wait for it at __syncthreads"
             : "a thread waits for its warp while others wait for it at __syncthreads");
  }
  for (Thread& t : now.threads) t.state = Thread::kReady;
  return true;
}

[[noreturn]] void stop_at_divergence() {
  const auto waiting = std::find_if(now.threads.begin(), now.threads.end(), [](const Thread& t) {
    return t.state == Thread::kAtCollective;
  });
  now.current = static_cast<int>(waiting - now.threads.begin());
  stop("a warp waits at a collective that not all its lanes reach");
}

/// `run_ahead`: a warp goes on as far as it can before the next one starts, which shows what it
/// should have waited for; else all start together.
void run_block(bool run_ahead) {
  std::fill(now.threads.begin(), now.threads.end(), Thread{});
  for (const std::span<char> shared : shared_memory) poison(shared);
  now.started = now.done = 0;
  while (now.done < now.threads.size()) {
    if (run_ahead && run_warps_ahead()) continue;
    if (start_threads() || step_together()) continue;
    if (!complete_barrier()) stop_at_divergence();
  }
  now.current = -1;
}

/// 0 .. n - 1 in an order of the generator's choice.
std::vector<unsigned> permutation(unsigned n, std::mt19937_64& random) {
  std::vector<unsigned> order(n);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

}  // namespace

void run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  if (grid.x == 0 || grid.x > 0x7FFFFFFFU || grid.y == 0 || grid.y > 65535 || grid.z != 1) {
    stop("no GPU takes a grid of " + std::to_string(grid.x) + "," + std::to_string(grid.y));
  }
  if (block.x == 0 || block.x > kMostThreads || block.x % kWarp != 0 || block.y * block.z != 1) {
    stop("blocks are a row of whole warps, at most 1024 threads");
  }
  static std::mt19937_64 random(settings().seed);
  now.body = &body;
  now.threads.resize(block.x);
  now.order.clear();
  for (const unsigned warp : permutation(block.x / kWarp, random)) {
    for (const unsigned lane : permutation(kWarp, random)) {
      now.order.push_back(warp * kWarp + lane);
    }
  }
  const std::vector<unsigned> columns = permutation(grid.x, random);
  for (const unsigned y : permutation(grid.y, random)) {
    for (const unsigned x : columns) {
      block_index = {x, y, 0};
      run_block(random() % 2 == 0);
    }
  }
}

bool add_shared_memory(char* begin, char* end) {
  // AddressSanitizer keeps variables in sections of its own.
  if (begin != end) poison(shared_memory.emplace_back(begin, end));
  return true;
}

void barrier() {
  if (now.current < 0) stop("__syncthreads outside a kernel");
  wait_as(Thread::kAtBarrier);
}

std::uint64_t exchange(Collective what, unsigned mask, std::uint64_t value, int argument) {
  if (now.current < 0) stop("a warp collective outside a kernel");
  if (mask != 0xFFFFFFFFU) stop("a warp collective of less than the whole warp is not modelled");
  Thread& self = now.threads[static_cast<std::size_t>(now.current)];
  self.what = what;
  self.value = value;
  self.argument = argument;
  wait_as(Thread::kAtCollective);
  return self.value;
}

}  // namespace frost::gpu_double
