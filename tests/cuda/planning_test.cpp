#include <gtest/gtest.h>

#include "kernels/cuda/conv/conv_plan.h"
#include "kernels/cuda/conv/plan_cache.h"

// cuDNN plans for a device that is only described: which engine, under which notes, with how much
// workspace. What the kernels then compute needs the device itself.
namespace frost::cuda {
namespace {

/// A Hopper data-centre GPU as cuDNN 9 describes one.
constexpr const char* kHopper = R"({
  "cudaDeviceId": 0, "deviceName": "NVIDIA H200", "deviceVer": 900, "driverVer": 13000,
  "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
  "regsPerBlock": 65536, "multiProcessorCount": 132, "smClockRateKHz": 1980000,
  "memClockRateKHz": 3201000, "l2CacheSize": 62914560, "warpSize": 32,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
  "reservedSharedMemoryPerBlock": 1024, "maxSharedMemoryPerSM": 233472,
  "maxRegistersPerSM": 65536, "pciDeviceId": 0, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024,
  "maxThreadsPerSM": 2048, "isTccDriver": 0, "supportCoopLaunch": 1,
  "totalGlobalMem": 150754820096})";

/// ResNet18 on 24x24 token images: its first layer and each kind of layer after it.
const std::vector<Conv2dShape> kBackbone{
    {64, 24, 24, 1, 64, 7, 7, 2, 3}, {64, 24, 24, 3, 64, 7, 7, 2, 3},
    {64, 6, 6, 64, 64, 3, 3, 1, 1},  {64, 6, 6, 64, 128, 3, 3, 2, 1},
    {64, 6, 6, 64, 128, 1, 1, 2, 0}, {64, 1, 1, 512, 512, 3, 3, 1, 1}};

constexpr auto kDirections = {PlanKey::kForward, PlanKey::kBackwardData, PlanKey::kBackwardWeight};

class CudnnPlanning : public testing::Test {
 protected:
  void SetUp() override {
    try {
      device_.push_back(device_properties(kHopper));
    } catch (const std::exception& e) {
      GTEST_SKIP() << "this cuDNN takes no such description: " << e.what();
    }
  }

  std::unique_ptr<ConvPlan> plan(const PlanKey& key) {
    return build_conv_plan({nullptr, &device_.front()}, key, why_);
  }

  std::vector<Descriptor> device_;
  std::string why_;
};

TEST_F(CudnnPlanning, EveryLayerAndDirectionHasAPlanThatKeepsToTheOptions) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kTf32, MathMode::kBf16}) {
    for (const Conv2dShape& shape : kBackbone) {
      for (const auto direction : kDirections) {
        const ComputeOptions options{math, true};
        const PlanKey key = plan_key(shape, direction, PlanKey::kNone, options, 16);
        SCOPED_TRACE(to_string(key));
        const auto made = plan(key);
        ASSERT_NE(made, nullptr) << why_;
        EXPECT_TRUE(permits(options, made->engine())) << to_string(made->engine());
        EXPECT_LE(made->workspace_bytes(), static_cast<std::size_t>(kWorkspaceCeiling));
      }
    }
  }
}

TEST_F(CudnnPlanning, BiasResidualAndReluAreFusedInTrueFp32) {
  for (const Conv2dShape& shape : kBackbone) {
    for (const std::int32_t residual : {PlanKey::kNone, PlanKey::kResidual}) {
      const PlanKey key =
          plan_key(shape, PlanKey::kForward, PlanKey::kBias | PlanKey::kRelu | residual, {}, 16);
      SCOPED_TRACE(to_string(key));
      const auto made = plan(key);
      ASSERT_NE(made, nullptr) << why_;
      EXPECT_FALSE(made->engine().tensor_core);
    }
  }
}

TEST_F(CudnnPlanning, ABlockThatIsAlignedToItsElementsOnlyIsPlannedToo) {
  for (const auto direction : kDirections) {
    const PlanKey key = plan_key(kBackbone[2], direction, PlanKey::kNone, {}, 4);
    EXPECT_NE(plan(key), nullptr) << to_string(key) << ": " << why_;
  }
}

TEST_F(CudnnPlanning, Tf32UsesTensorCoresWhereThePointersAllow) {
  const auto made =
      plan(plan_key(kBackbone[2], PlanKey::kForward, PlanKey::kNone, {MathMode::kTf32, true}, 16));
  ASSERT_NE(made, nullptr) << why_;
  EXPECT_TRUE(made->engine().tensor_core) << to_string(made->engine());
}

TEST_F(CudnnPlanning, Bf16HasReadyEnginesAndTensorCoresForWideLayers) {
  for (const Conv2dShape& shape : kBackbone) {
    for (const auto direction : kDirections) {
      const PlanKey key = plan_key(shape, direction, PlanKey::kNone, {MathMode::kBf16, true}, 16);
      SCOPED_TRACE(to_string(key));
      const auto made = plan(key);
      ASSERT_NE(made, nullptr) << why_;
      EXPECT_FALSE(made->engine().compiled_at_run_time) << to_string(made->engine());
      if (shape.c >= 64) {
        EXPECT_TRUE(made->engine().tensor_core) << to_string(made->engine());
      }
    }
  }
}

TEST_F(CudnnPlanning, OtherBatchesAreInBf16PlannedToo) {
  for (const std::int64_t images : {1, 7, 8, 250, 512}) {
    for (Conv2dShape shape : kBackbone) {
      shape.n = images;
      for (const auto direction : kDirections) {
        const PlanKey key = plan_key(shape, direction, PlanKey::kNone, {MathMode::kBf16, true}, 16);
        EXPECT_NE(plan(key), nullptr) << to_string(key) << ": " << why_;
      }
    }
  }
}

}  // namespace
}  // namespace frost::cuda
