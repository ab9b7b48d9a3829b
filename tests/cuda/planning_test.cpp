#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "kernels/cuda/conv/conv_plan.h"
#include "kernels/cuda/conv/plan_cache.h"
#include "kernels/cuda/runtime/diagnosis.h"
#include "tests/op_table/conv_specs.h"

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

TEST_F(CudnnPlanning, BiasAndResidualAreFusedInTrueFp32) {
  for (const Conv2dShape& shape : kBackbone) {
    for (const std::int32_t residual : {PlanKey::kNone, PlanKey::kResidual}) {
      const PlanKey key = plan_key(shape, PlanKey::kForward, PlanKey::kBias | residual, {}, 16);
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

/// The convolutions of a ResNet: 18 and 34 have the same ones, 50 has bottlenecks.
void add_resnet(bool bottlenecks, std::int64_t images, std::int64_t side,
                std::vector<Conv2dShape>& shapes) {
  const auto add = [&](std::int64_t map, std::int64_t c, std::int64_t k, std::int64_t kernel,
                       std::int64_t stride) {
    shapes.push_back({images, map, map, c, k, kernel, kernel, stride, kernel / 2});
  };
  for (const std::int64_t colors : {1, 3}) add(side, colors, 64, 7, 2);
  std::int64_t map = (side + 3) / 4, channels = 64;
  for (const std::int64_t width : {64, 128, 256, 512}) {
    const std::int64_t stride = width == 64 ? 1 : 2, smaller = (map + stride - 1) / stride;
    const std::int64_t out = bottlenecks ? 4 * width : width;
    if (bottlenecks) {
      for (const std::int64_t c : {channels, out}) add(c == out ? smaller : map, c, width, 1, 1);
      add(smaller, width, out, 1, 1);
      add(map, width, width, 3, stride);
    } else {
      add(map, channels, width, 3, stride);
    }
    add(smaller, width, width, 3, 1);
    if (channels != out) add(map, channels, out, 1, stride);
    channels = out;
    map = smaller;
  }
}

/// What the op table and ResNets ask for, each plan once.
std::vector<PlanKey> keys_in_use() {
  std::vector<Conv2dShape> shapes;
  for (const ConvSpec& spec : conv_specs()) shapes.push_back(shape_of(spec));
  for (const bool bottlenecks : {false, true}) {
    add_resnet(bottlenecks, 64, 24, shapes);
    add_resnet(bottlenecks, 64, 84, shapes);
    add_resnet(bottlenecks, 32, 224, shapes);
  }
  add_resnet(false, 2048, 24, shapes);  // a whole chunk of tokens (CudaBackend::preferred_batch)
  std::vector<PlanKey> keys;
  std::set<std::string> seen;
  const auto add = [&](const Conv2dShape& shape, PlanKey::Direction direction,
                       std::int32_t epilogue, MathMode math) {
    const PlanKey key = plan_key(shape, direction, epilogue, {math, true}, 16);
    if (seen.insert(to_string(key)).second) keys.push_back(key);
  };
  for (const MathMode math : {MathMode::kFp32, MathMode::kTf32, MathMode::kBf16}) {
    for (const Conv2dShape& shape : shapes) {
      for (const auto direction : kDirections) add(shape, direction, PlanKey::kNone, math);
      if (math == MathMode::kBf16) continue;  // it adds by an own kernel
      for (const std::int32_t residual : {PlanKey::kNone, PlanKey::kResidual}) {
        add(shape, PlanKey::kForward, PlanKey::kBias | residual, math);
      }
    }
  }
  return keys;
}

TEST_F(CudnnPlanning, EveryConvolutionOfTheOpTableAndOfResNetsHasAPlanThatKeepsToTheOptions) {
  for (const PlanKey& key : keys_in_use()) {
    SCOPED_TRACE(to_string(key));
    const auto made = plan(key);
    EXPECT_NE(made, nullptr) << why_;
    if (made == nullptr) continue;
    std::cout << to_string(key) << ": " << to_string(made->engine()) << ", workspace "
              << mebibytes(made->workspace_bytes()) << "\n";
    EXPECT_TRUE(permits({static_cast<MathMode>(key.math), true}, made->engine()));
    EXPECT_LE(made->workspace_bytes(), static_cast<std::size_t>(kWorkspaceCeiling));
  }
}

}  // namespace
}  // namespace frost::cuda
