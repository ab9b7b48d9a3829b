#include <gtest/gtest.h>

#include <bit>

#include "kernels/cuda/conv/conv_plan.h"
#include "kernels/cuda/conv/plan_cache.h"
#include "kernels/errors.h"

// cuDNN builds and checks descriptors without a device; only engines need one.
namespace frost::cuda {
namespace {

const Conv2dShape kLayer{8, 24, 24, 64, 128, 3, 3, 2, 1};

std::vector<std::int64_t> int64s(const Descriptor& d, cudnnBackendAttributeName_t name) {
  std::vector<std::int64_t> values(8);
  std::int64_t count = 0;
  FROST_CUDNN(cudnnBackendGetAttribute(d.raw(), name, CUDNN_TYPE_INT64, 8, &count, values.data()));
  values.resize(static_cast<std::size_t>(count));
  return values;
}

TEST(CudnnDescriptor, TensorKeepsChannelsInnermost) {
  const Descriptor t = channels_last_tensor(kX, {8, 64, 24, 12}, CUDNN_DATA_FLOAT, 16, false);
  EXPECT_EQ(int64s(t, CUDNN_ATTR_TENSOR_DIMENSIONS), (std::vector<std::int64_t>{8, 64, 24, 12}));
  EXPECT_EQ(int64s(t, CUDNN_ATTR_TENSOR_STRIDES),
            (std::vector<std::int64_t>{64 * 24 * 12, 1, 12 * 64, 64}));
}

TEST(CudnnDescriptor, TensorHasTheTypeAskedFor) {
  for (const cudnnDataType_t type : {CUDNN_DATA_FLOAT, CUDNN_DATA_BFLOAT16}) {
    const Descriptor t = channels_last_tensor(kX, {8, 64, 24, 12}, type, 16, false);
    cudnnDataType_t found = CUDNN_DATA_DOUBLE;
    std::int64_t count = 0;
    FROST_CUDNN(cudnnBackendGetAttribute(t.raw(), CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE,
                                         1, &count, &found));
    EXPECT_EQ(found, type);
  }
}

TEST(CudnnDescriptor, TheTextOfAKeyNamesThePrecision) {
  const auto text = [](MathMode math) {
    return to_string(plan_key(kLayer, PlanKey::kBackwardData, PlanKey::kNone, {math, true}, 16));
  };
  EXPECT_EQ(text(MathMode::kBf16), "data gradient 8x24x24x64 * 128x3x3/2+1 bf16");
  EXPECT_EQ(text(MathMode::kTf32), "data gradient 8x24x24x64 * 128x3x3/2+1 tf32");
}

TEST(CudnnDescriptor, RejectsATensorOfNegativeSizeAndSaysSo) {
  try {
    channels_last_tensor(kX, {-1, 64, 24, 24}, CUDNN_DATA_FLOAT, 16, false);
    FAIL() << "a tensor of negative size was accepted";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("CUDNN_STATUS_BAD_PARAM"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("cudnn_graph.cpp:"), std::string::npos) << e.what();
  }
}

TEST(CudnnDescriptor, EveryDirectionIsOneOperation) {
  for (const auto direction :
       {PlanKey::kForward, PlanKey::kBackwardData, PlanKey::kBackwardWeight}) {
    const PlanKey key = plan_key(kLayer, direction, PlanKey::kNone, {}, 16);
    SCOPED_TRACE(to_string(key));
    EXPECT_EQ(ConvOperations(key).operations().size(), 1U);
  }
}

TEST(CudnnDescriptor, EveryPartOfTheEpilogueIsOneMoreOperation) {
  for (std::int32_t epilogue = 0; epilogue < 4; ++epilogue) {
    const PlanKey key = plan_key(kLayer, PlanKey::kForward, epilogue, {}, 16);
    SCOPED_TRACE(to_string(key));
    const int parts = std::popcount(static_cast<std::uint32_t>(epilogue));
    EXPECT_EQ(std::ssize(ConvOperations(key).operations()), 1 + parts);
  }
}

const std::vector<Conv2dShape> kBackbone{
    {64, 24, 24, 1, 64, 7, 7, 2, 3}, {64, 24, 24, 3, 64, 7, 7, 2, 3},
    {64, 6, 6, 64, 64, 3, 3, 1, 1},  {64, 6, 6, 64, 128, 3, 3, 2, 1},
    {64, 6, 6, 64, 128, 1, 1, 2, 0}, {64, 1, 1, 512, 512, 3, 3, 1, 1}};

TEST(CudnnDescriptor, EveryLayerOfTheBackboneIsAccepted) {
  for (const Conv2dShape& shape : kBackbone) {
    for (const auto direction :
         {PlanKey::kForward, PlanKey::kBackwardData, PlanKey::kBackwardWeight}) {
      EXPECT_NO_THROW(ConvOperations(plan_key(shape, direction, PlanKey::kNone, {}, 4)));
      EXPECT_NO_THROW(
          ConvOperations(plan_key(shape, direction, PlanKey::kNone, {MathMode::kBf16, true}, 16)));
    }
  }
}

TEST(CudnnDescriptor, UnsupportedIsToldFromBroken) {
  EXPECT_TRUE(is_unsupported(CUDNN_STATUS_NOT_SUPPORTED_SHAPE));
  EXPECT_FALSE(is_unsupported(CUDNN_STATUS_BAD_PARAM));
  EXPECT_FALSE(is_unsupported(CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED));
}

}  // namespace
}  // namespace frost::cuda
