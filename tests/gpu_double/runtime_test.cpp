#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/settings.h"
#include "tests/gpu_double/stream.h"

// What CUDA refuses is refused, and what it leaves undefined ends the process.
namespace frost::gpu_double {
namespace {

class Runtime : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    cudaMemPoolProps properties = {};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    ASSERT_EQ(cudaMemPoolCreate(&pool_, &properties), cudaSuccess);
    static_cast<void>(cudaGetLastError());
  }
  void TearDown() override {
    cudaStreamDestroy(stream_);
    cudaMemPoolDestroy(pool_);
  }

  float* pooled(std::size_t floats) {
    void* data = nullptr;
    EXPECT_EQ(cudaMallocFromPoolAsync(&data, floats * sizeof(float), pool_, stream_), cudaSuccess);
    return static_cast<float*>(data);
  }
  void release(float* data) { EXPECT_EQ(cudaFreeAsync(data, stream_), cudaSuccess); }

  /// Begins a capture, does what spoils it and sees that nothing comes of it.
  template <class Fn>
  void expect_spoilt(cudaError_t answer, Fn spoil, cudaStreamCaptureMode mode) {
    ASSERT_EQ(cudaStreamBeginCapture(stream_, mode), cudaSuccess);
    EXPECT_EQ(spoil(), answer);
    EXPECT_EQ(cudaGetLastError(), answer);
    cudaStreamCaptureStatus status{};
    cudaStreamIsCapturing(stream_, &status);
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
    EXPECT_EQ(cudaGetLastError(), cudaErrorStreamCaptureInvalidated);
  }
  template <class Fn>
  void expect_spoilt(Fn spoil, cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed) {
    expect_spoilt(cudaErrorStreamCaptureUnsupported, spoil, mode);
  }

  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
};

TEST_F(Runtime, MemoryIsFilledWithNotANumber) {
  float* const data = pooled(100);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(std::isnan(data[i]));
  release(data);
}

TEST_F(Runtime, TheDeviceIsFullAfter80Gibibytes) {
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, std::size_t{81} << 30), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Runtime, TheAllocationsThatAreToFailFail) {
  Settings settings_then = settings();
  const auto answers = [&] {
    const SettingsScope scope(settings_then);
    std::vector<cudaError_t> statuses;
    for (int i = 0; i < 3; ++i) {
      void* data = nullptr;
      statuses.push_back(cudaMalloc(&data, 16));
      cudaFree(data);
    }
    static_cast<void>(cudaGetLastError());
    return statuses;
  };
  constexpr cudaError_t kFull = cudaErrorMemoryAllocation;
  settings_then.failing_allocation = allocations() + 2;
  EXPECT_EQ(answers(), (std::vector<cudaError_t>{cudaSuccess, kFull, cudaSuccess}));
  settings_then.last_allocation = allocations() + 1;
  EXPECT_EQ(answers(), (std::vector<cudaError_t>{cudaSuccess, kFull, kFull}));
}

TEST_F(Runtime, WhatWaitsForTheDeviceSpoilsACapture) {
  expect_spoilt([&] { return cudaStreamSynchronize(stream_); });
}

TEST_F(Runtime, ACopyFromOrToTheHostSpoilsACapture) {
  float* const data = pooled(4);
  std::vector<float> host(4);
  expect_spoilt(
      [&] { return cudaMemcpyAsync(data, host.data(), 16, cudaMemcpyHostToDevice, stream_); });
  expect_spoilt(
      [&] { return cudaMemcpyAsync(host.data(), data, 16, cudaMemcpyDeviceToHost, stream_); });
  release(data);
}

TEST_F(Runtime, APoolInACaptureSpoilsIt) {
  float* const data = pooled(4);
  expect_spoilt(
      cudaErrorInvalidValue, [&] { return cudaFreeAsync(data, stream_); },
      cudaStreamCaptureModeRelaxed);
  expect_spoilt([&] {
    void* other = nullptr;
    return cudaMallocFromPoolAsync(&other, 16, pool_, stream_);
  });
  release(data);
}

TEST_F(Runtime, ASpoiltCaptureTakesNoMoreWork) {
  float* const data = pooled(4);
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  cudaStreamSynchronize(stream_);
  EXPECT_EQ(cudaMemsetAsync(data, 0, 16, stream_), cudaErrorStreamCaptureInvalidated);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureInvalidated);
  static_cast<void>(cudaGetLastError());
  release(data);
}

TEST_F(Runtime, OnlyARelaxedCaptureAllowsToAllocateBesideIt) {
  void* data = nullptr;
  expect_spoilt([&] { return cudaMalloc(&data, 16); }, cudaStreamCaptureModeGlobal);
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&data, 16), cudaSuccess);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST_F(Runtime, CapturesDoNotNest) {
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  EXPECT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaErrorIllegalState);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorIllegalState);
  static_cast<void>(cudaGetLastError());
}

TEST_F(Runtime, AReplaySeesWhatItsInputsHoldThen) {
  float* const from = pooled(1);
  float* const to = pooled(1);
  *from = 1;
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  cudaMemcpyAsync(to, from, sizeof(float), cudaMemcpyDeviceToDevice, stream_);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  EXPECT_TRUE(std::isnan(*to)) << "captured work ran";
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  cudaGraphDestroy(graph);
  for (const float value : {2.0f, 3.0f}) {
    *from = value;
    cudaGraphLaunch(executable, stream_);
    cudaStreamSynchronize(stream_);
    EXPECT_EQ(*to, value);
  }
  cudaGraphExecDestroy(executable);
  release(from);
  release(to);
}

TEST_F(Runtime, AsynchronousWorkRunsWhenSomebodyWaits) {
  const SettingsScope scope("async");
  constexpr int kPieces = 200;
  std::vector<int> order;
  int late = 0;
  for (int i = 0; i < kPieces; ++i) {
    enqueue(stream_, [&order, i] { order.push_back(i); });
    late += std::ssize(order) <= i;
  }
  EXPECT_GT(late, kPieces / 2) << "most pieces had not run when they had been enqueued";
  cudaStreamSynchronize(stream_);
  ASSERT_EQ(std::ssize(order), kPieces);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(Runtime, AnAsynchronousCopyReadsTheHostWhenItRuns) {
  const SettingsScope scope("async");
  float* const data = pooled(64);
  int changed = 0;
  for (int i = 0; i < 64; ++i) {
    float host = 1;
    cudaMemcpyAsync(data + i, &host, sizeof host, cudaMemcpyHostToDevice, stream_);
    host = 2;  // too early
    cudaStreamSynchronize(stream_);
    changed += data[i] == 2;
  }
  EXPECT_GT(changed, 32);
  release(data);
  cudaStreamSynchronize(stream_);
}

TEST_F(Runtime, FreedMemoryIsPoisonedInTheOrderOfTheStream) {
  const SettingsScope scope("async");
  float* const data = pooled(1);
  float seen = 0;
  enqueue(stream_, [=] { *data = 5; });
  enqueue(stream_, [=, &seen] { seen = *data; });
  release(data);
  cudaStreamSynchronize(stream_);
  EXPECT_EQ(seen, 5);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_TRUE(std::isnan(*data));
#endif
}

using RuntimeDeathTest = Runtime;

TEST_F(RuntimeDeathTest, FreeingWhatIsNotThereIsAViolation) {
  float* const data = pooled(4);
  EXPECT_DEATH(cudaFreeAsync(data + 1, stream_), "freed what is no live block");
  EXPECT_DEATH(cudaFree(data), "freed by the function of another kind of memory");
  EXPECT_DEATH(
      {
        cudaFreeAsync(data, stream_);
        cudaFreeAsync(data, stream_);
      },
      "freed what is no live block");
  release(data);
}

#if !defined(__SANITIZE_ADDRESS__)  // which stops at the write itself
TEST_F(RuntimeDeathTest, WritingBesideABlockIsAViolation) {
  float* const data = pooled(3);
  for (const int i : {-1, 3}) {
    EXPECT_DEATH(
        {
          data[i] = 0;
          cudaFreeAsync(data, stream_);
        },
        "something wrote beside the block of 12 bytes");
  }
  release(data);
}

TEST_F(RuntimeDeathTest, WritingToFreedMemoryIsAViolation) {
  const auto write_late = [&] {
    float* const data = pooled(4);
    release(data);
    *data = 0;
    check_memory();
  };
  EXPECT_DEATH(write_late(), "something wrote into the block of 16 bytes .* after it was freed");
}
#endif

TEST_F(RuntimeDeathTest, ACopyKnowsWhereItsDataLies) {
  float* const data = pooled(4);
  std::vector<float> host(8);
  const auto copy = [&](void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    cudaMemcpyAsync(to, from, bytes, kind, stream_);
  };
  EXPECT_DEATH(copy(host.data(), host.data() + 4, 16, cudaMemcpyHostToDevice), "the target");
  EXPECT_DEATH(copy(host.data(), host.data() + 4, 16, cudaMemcpyDeviceToHost), "the source");
  EXPECT_DEATH(copy(data, host.data(), 20, cudaMemcpyHostToDevice), "20 bytes do not lie in one");
  EXPECT_DEATH(copy(data, data, 16, cudaMemcpyDeviceToHost), "to the host writes to the device");
  EXPECT_DEATH(copy(data, data, 16, cudaMemcpyHostToDevice), "from the host reads the device");
  EXPECT_DEATH(cudaMemsetAsync(data + 1, 0, 16, stream_), "the target of a memset");
  EXPECT_DEATH(cudaMemset2DAsync(data, 12, 0, 8, 2, stream_), "the target of a memset");
  release(data);
}

TEST_F(RuntimeDeathTest, APoolThatIsInUseOrGoneIsAViolation) {
  float* const data = pooled(4);
  EXPECT_DEATH(cudaMemPoolDestroy(pool_), "while 1 of its blocks are in use");
  release(data);
  void* other = nullptr;
  EXPECT_DEATH(cudaMallocFromPoolAsync(&other, 16, nullptr, stream_), "no such pool");
}

TEST_F(RuntimeDeathTest, AReplayThatWritesToWhatWasFreedIsAViolation) {
  float* const data = pooled(4);
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  cudaMemsetAsync(data, 0, 16, stream_);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  release(data);
  EXPECT_DEATH(cudaGraphLaunch(executable, stream_), "the target of a memset");
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
}

TEST_F(RuntimeDeathTest, TheDefaultStreamIsAViolation) {
  EXPECT_DEATH(enqueue(nullptr, [] {}), "the default stream");
}

TEST(SettingsDeathTest, AnUnknownWordIsAViolation) {
  EXPECT_DEATH(parse_settings("seed=3 fast"), "unknown word 'fast'");
  EXPECT_DEATH(parse_settings("seed=many"), "no number in seed=many");
  EXPECT_DEATH(parse_settings("engines=steam"), "unknown word 'engines=steam'");
}

TEST(Settings, EveryWordHasItsEffect) {
  const Settings s = parse_settings(
      "seed=3 async engines=large unsupported_plans=2 aligned_bf16 gemm_workspace "
      "fail_allocation=9 out_of_memory=8 driver=old");
  EXPECT_EQ(s.seed, 3U);
  EXPECT_TRUE(s.asynchronous);
  EXPECT_EQ(s.engines, Settings::Engines::kAboveCeiling);
  EXPECT_EQ(s.unsupported_plans, 2);
  EXPECT_TRUE(s.aligned_bf16_only);
  EXPECT_TRUE(s.largest_workspace);
  EXPECT_EQ(s.failing_allocation, 9);
  EXPECT_EQ(s.last_allocation, 8);
  EXPECT_EQ(s.driver_version, 11040);
}

}  // namespace
}  // namespace frost::gpu_double
