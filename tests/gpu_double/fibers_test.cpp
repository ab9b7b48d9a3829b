#include "tests/gpu_double/fibers.h"

#include <gtest/gtest.h>

#include <vector>

namespace frost::gpu_double {
namespace {

constexpr unsigned kThreads = 256;

/// The index of the running thread among all of a grid with one row of blocks.
std::size_t index() {
  return std::size_t{block_index.x} * kThreads + thread_index.x;
}

std::uint64_t shuffle(std::uint64_t value, int lanes) {
  return exchange(Collective::kShuffleXor, 0xFFFFFFFFU, value, lanes);
}

TEST(Fibers, EveryThreadOfEveryBlockRunsOnce) {
  std::vector<int> runs(5 * kThreads, 0);
  run_grid(dim3(5), dim3(kThreads), [&] { ++runs[index()]; });
  EXPECT_EQ(runs, std::vector<int>(5 * kThreads, 1));
}

TEST(Fibers, BlocksOfTwoDimensionsHaveTheirIndices) {
  std::vector<int> runs(3 * 4, 0);
  run_grid(dim3(3, 4), dim3(32), [&] {
    if (thread_index.x == 0) ++runs[block_index.y * 3 + block_index.x];
  });
  EXPECT_EQ(runs, std::vector<int>(3 * 4, 1));
}

TEST(Fibers, AShuffleExchangesAndABallotCounts) {
  std::vector<std::uint64_t> partner(kThreads), votes(kThreads);
  run_grid(dim3(1), dim3(kThreads), [&] {
    const unsigned t = thread_index.x;
    partner[t] = shuffle(t, 5);
    votes[t] = exchange(Collective::kBallot, 0xFFFFFFFFU, t % 3 == 0, 0);
  });
  for (std::size_t t = 0; t < kThreads; ++t) {
    EXPECT_EQ(partner[t], t ^ 5);
    for (std::size_t lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(votes[t] >> lane & 1, (t / 32 * 32 + lane) % 3 == 0 ? 1U : 0U);
    }
  }
}

TEST(Fibers, ABarrierShowsWhatOthersWroteBeforeIt) {
  std::vector<unsigned> shared(kThreads), seen(4 * kThreads);
  run_grid(dim3(4), dim3(kThreads), [&] {
    const unsigned t = thread_index.x;
    barrier();  // the block before has read what it wrote
    shared[t] = block_index.x * 1000 + t;
    barrier();
    seen[index()] = shared[kThreads - 1 - t];
  });
  for (unsigned block = 0; block < 4; ++block) {
    for (unsigned t = 0; t < kThreads; ++t) {
      EXPECT_EQ(seen[block * kThreads + t], block * 1000 + kThreads - 1 - t);
    }
  }
}

TEST(Fibers, AMissingBarrierShowsWhatIsNotThereYet) {
  constexpr unsigned kBlocks = 16;
  unsigned wrong = 0;
  std::vector<unsigned> shared(kThreads);
  run_grid(dim3(kBlocks), dim3(kThreads), [&] {
    shared[thread_index.x] = block_index.x;
    if (shared[kThreads - 1 - thread_index.x] != block_index.x) ++wrong;
  });
  EXPECT_GT(wrong, 0U);
}

TEST(Fibers, SharedMemoryIsPoisonedBeforeEachBlock) {
  static std::uint32_t shared[4];
  char* const begin = reinterpret_cast<char*>(shared);
  ASSERT_TRUE(add_shared_memory(begin, begin + sizeof shared));
  EXPECT_EQ(shared[3], 0xFFFFFFFFU);
  unsigned stale = 0;
  run_grid(dim3(8), dim3(32), [&] {
    if (thread_index.x != 0) return;
    stale += shared[2] != 0xFFFFFFFFU;
    shared[2] = block_index.x;
  });
  EXPECT_EQ(stale, 0U);
}

TEST(Fibers, AWarpMayRunAheadAndOverwriteWhatOthersHaveNotRead) {
  constexpr unsigned kBlocks = 16;
  unsigned wrong = 0;
  std::vector<std::uint64_t> of_warp(kThreads / 32);
  run_grid(dim3(kBlocks), dim3(kThreads), [&] {
    for (unsigned round = 0; round < 2; ++round) {
      of_warp[thread_index.x / 32] = shuffle(round, 1);
      barrier();
      for (const std::uint64_t seen : of_warp) wrong += seen != round;
      // Here a second barrier is missing.
    }
  });
  EXPECT_GT(wrong, 0U);
}

TEST(Fibers, WarpsAndBlocksComeInAnOrderThatNoKernelMayCountOn) {
  std::vector<unsigned> blocks, warps;
  run_grid(dim3(64), dim3(kThreads), [&] {
    if (thread_index.x == 0) blocks.push_back(block_index.x);
    if (block_index.x == 0 && thread_index.x % 32 == 0) warps.push_back(thread_index.x / 32);
  });
  EXPECT_FALSE(std::is_sorted(blocks.begin(), blocks.end()));
  EXPECT_FALSE(std::is_sorted(warps.begin(), warps.end()));
}

using FibersDeathTest = testing::Test;

TEST(FibersDeathTest, ABarrierThatAThreadLeavesOutIsAViolation) {
  const auto kernel = [] {
    if (thread_index.x == 77) return;
    barrier();
  };
  EXPECT_DEATH(run_grid(dim3(2), dim3(kThreads), kernel),
               "a thread has ended while others wait for it at __syncthreads .*thread 77");
}

TEST(FibersDeathTest, ACollectiveThatALaneLeavesOutIsAViolation) {
  const auto kernel = [] {
    if (thread_index.x == 40) return;
    shuffle(1, 1);
  };
  EXPECT_DEATH(run_grid(dim3(1), dim3(kThreads), kernel),
               "a warp waits at a collective that not all its lanes reach");
}

TEST(FibersDeathTest, LanesAtDifferentCollectivesAreAViolation) {
  EXPECT_DEATH(run_grid(dim3(1), dim3(32), [] { shuffle(1, thread_index.x == 0 ? 1 : 2); }),
               "not all its lanes reach");
}

TEST(FibersDeathTest, PartialMasksAreNotModelled) {
  EXPECT_DEATH(run_grid(dim3(1), dim3(32), [] { exchange(Collective::kSync, 0xFF, 0, 0); }),
               "less than the whole warp");
}

TEST(FibersDeathTest, WhatWaitsOutsideAKernelIsAViolation) {
  EXPECT_DEATH(barrier(), "__syncthreads outside a kernel");
  EXPECT_DEATH(shuffle(1, 1), "a warp collective outside a kernel");
}

TEST(FibersDeathTest, AGridThatNoGpuTakesIsAViolation) {
  EXPECT_DEATH(run_grid(dim3(0), dim3(kThreads), [] {}), "no GPU takes a grid of 0,1");
  EXPECT_DEATH(run_grid(dim3(1, 65536), dim3(kThreads), [] {}), "no GPU takes a grid of 1,65536");
  EXPECT_DEATH(run_grid(dim3(1), dim3(2048), [] {}), "at most 1024 threads");
}

}  // namespace
}  // namespace frost::gpu_double
