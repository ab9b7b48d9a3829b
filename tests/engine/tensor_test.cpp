#include "engine/tensor.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/engine/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

class Tensors : public testing::Test {
 protected:
  Tensor of_type(DType dtype) const {
    return Tensor::empty(backend_, {4}, MemoryTag::kWorkspace, dtype);
  }

  Backend& backend_ = *test_backends().front();
  const std::vector<float> floats_{1, 2, 3, 4};
};

TEST_F(Tensors, DataIsOfTheTypeThatTheTensorHolds) {
  EXPECT_EQ(error_of([&] { of_type(DType::kU8).data(); }), "[tensor] [4] holds uint8, not float32");
  EXPECT_EQ(error_of([&] { of_type(DType::kF32).data<std::int32_t>(); }),
            "[tensor] [4] holds float32, not int32");
  EXPECT_EQ(error_of([&] { of_type(DType::kI32).data<std::uint32_t>(); }),
            "[tensor] [4] holds int32, not uint32");
  EXPECT_NE(of_type(DType::kU32).data<std::uint32_t>(), nullptr);
}

TEST_F(Tensors, CopiesFromTheHostAreOfThatTypeToo) {
  // 16 bytes into 4 would write behind the block.
  EXPECT_EQ(error_of([&] { of_type(DType::kU8).copy_from_host(floats_); }),
            "[tensor] [4] holds uint8, not float32");
  EXPECT_EQ(error_of([&] { of_type(DType::kI32).copy_from_host(floats_); }),
            "[tensor] [4] holds int32, not float32");
  EXPECT_EQ(error_of([&] { of_type(DType::kF32).copy_from_host(std::vector<float>(3)); }),
            "[tensor] cannot copy 3 values into [4]");
  Tensor bytes = of_type(DType::kU8);
  const std::uint64_t version = bytes.storage().version();
  bytes.copy_from_host(std::vector<std::uint8_t>{1, 2, 3, 255});
  EXPECT_EQ(bytes.to_host<std::uint8_t>(), (std::vector<std::uint8_t>{1, 2, 3, 255}));
  EXPECT_GT(bytes.storage().version(), version);
}

TEST_F(Tensors, CopiesToTheHostAreOfThatTypeToo) {
  const std::vector<std::int32_t> numbers{-1, 0, 7};
  const Tensor t = Tensor::from_host(backend_, numbers);
  EXPECT_EQ(t.to_host<std::int32_t>(), numbers);
  EXPECT_EQ(error_of([&] { t.to_host(); }), "[tensor] [3] holds int32, not float32");
}

TEST_F(Tensors, CopiesBetweenTensorsKeepShapeAndType) {
  EXPECT_EQ(error_of([&] { of_type(DType::kF32).copy_from(of_type(DType::kI32)); }),
            "[tensor] cannot copy [4] of int32 into [4] of float32");
}

TEST_F(Tensors, ShapesThatNoMemoryHoldsAreRefused) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(error_of([&] {
              Tensor::zeros(backend_, {-2, -2});
            }),
            "[tensor] [-2,-2] is no shape: sizes are at least 0, in all at most 2^63 - 1");
  // The product would wrap around to 0, and to 4.
  for (const Shape& shape : {Shape{1LL << 32, 1LL << 32}, Shape{(1LL << 62) + 1, 4}}) {
    EXPECT_NE(error_of([&] { Tensor::zeros(backend_, shape); }).find("is no shape"),
              std::string::npos);
  }
  EXPECT_EQ(error_of([&] { Tensor::zeros(backend_, {kHuge}); }),
            "[tensor] [9223372036854775807] takes more than 2^63 - 1 bytes");
  EXPECT_NE(error_of([&] {
              of_type(DType::kF32).reshape({-2, -2});
            }).find("is no shape"),
            std::string::npos);
  EXPECT_EQ(numel({}), 1);
  EXPECT_EQ(numel({3, 0, 5}), 0);
}

TEST_F(Tensors, AnUndefinedOneSaysSo) {
  Tensor none;
  const std::string text = "[tensor] an undefined tensor was used: it has no shape and no data";
  EXPECT_EQ(error_of([&] { none.shape(); }), text);
  EXPECT_EQ(error_of([&] { none.data(); }), text);
  EXPECT_EQ(error_of([&] { none.to_host(); }), text);
  EXPECT_EQ(error_of([&] { none.set_requires_grad(true); }), text);
  EXPECT_EQ(error_of([&] { none.reshape({1}); }), text);
  EXPECT_FALSE(none.requires_grad());
}

TEST_F(Tensors, ADimensionThatIsNotThereIsNamed) {
  EXPECT_EQ(error_of([&] { of_type(DType::kF32).dim(1); }), "[tensor] [4] has no dimension 1");
}

}  // namespace
}  // namespace frost
