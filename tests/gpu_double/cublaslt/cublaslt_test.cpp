#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/bfloat16.h"
#include "tests/gpu_double/cublaslt/fixture.h"
#include "tests/gpu_double/cublaslt/matrix_product.h"
#include "tests/gpu_double/cublaslt/objects.h"
#include "tests/gpu_double/rounding.h"
#include "tests/gpu_double/settings.h"

// What the double of cublasLt computes and offers.
namespace frost::gpu_double {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Numbers of up to 24 mantissa bits.
std::vector<float> numbers(std::size_t count, int seed) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = std::sin(static_cast<float>(i * 7 + static_cast<std::size_t>(seed)));
  }
  return values;
}

struct Product {
  cudaDataType_t type;
  cublasComputeType_t compute;
  bool transpose_a, transpose_b;
  std::int64_t gap;  ///< elements between the columns of every matrix
  float alpha, beta;
};

float as_multiplied(const Product& p, float x) {
  if (p.type == CUDA_R_16BF) return bfloat16_to_float(round_to_bfloat16(x));
  return p.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? keep_bits(x, kTf32Bits) : x;
}

std::vector<Product> products() {
  std::vector<Product> all;
  for (int i = 0; i < 48; ++i) {
    const int precision = i % 3;
    all.push_back({precision == 2 ? CUDA_R_16BF : CUDA_R_32F,
                   precision == 1 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                   i / 3 % 2 != 0, i / 6 % 2 != 0, i / 12 % 2 * 3, i / 24 ? -0.5f : 1.0f,
                   i / 24 ? 2.0f : 0.0f});
  }
  return all;
}

DeviceBlock upload(const Product& p, const std::vector<float>& values) {
  if (p.type == CUDA_R_32F) return DeviceBlock(values);
  std::vector<std::uint16_t> rounded;
  for (const float v : values) rounded.push_back(round_to_bfloat16(v));
  return DeviceBlock(rounded);
}

TEST_F(CublasLt, MultipliesAllTransposesStridesPrecisionsAndScales) {
  constexpr std::int64_t m = 6, n = 9, k = 11;
  for (const Product& p : products()) {
    const auto stored = [&](std::int64_t rows, std::int64_t cols, cudaDataType_t type) {
      return Stored{type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols),
                    rows + p.gap};
    };
    const auto operation = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const Stored a = p.transpose_a ? stored(k, m, p.type) : stored(m, k, p.type);
    const Stored b = p.transpose_b ? stored(n, k, p.type) : stored(k, n, p.type);
    const Stored c = stored(m, n, CUDA_R_32F);
    request_ = {p.compute, operation(p.transpose_a), operation(p.transpose_b), a, b, c, c,
                4096,      {16, 16, 16, 16}};
    const std::vector<float> left = numbers(400, 1), right = numbers(400, 2);
    std::vector<float> expected(400, kNan);  // between the columns nothing may change
    if (p.beta != 0) expected = numbers(400, 3);
    const DeviceBlock device_a = upload(p, left), device_b = upload(p, right), result(expected);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::int64_t l = 0; l < k; ++l) {
          const auto at_a = static_cast<std::size_t>(p.transpose_a ? l + i * a.ld : i + l * a.ld);
          const auto at_b = static_cast<std::size_t>(p.transpose_b ? j + l * b.ld : l + j * b.ld);
          sum += double{as_multiplied(p, left[at_a])} * double{as_multiplied(p, right[at_b])};
        }
        float& out = expected[static_cast<std::size_t>(i + j * c.ld)];
        out =
            static_cast<float>(p.alpha * sum + (p.beta == 0 ? 0.0 : double{p.beta} * double{out}));
      }
    }
    const Described by(request_);
    Given call = given(by.best());
    call = {device_a.data(),      device_b.data(), result.data(), result.data(), workspace_.data(),
            call.workspace_bytes, call.algorithm,  p.alpha,       p.beta};
    ASSERT_EQ(call.multiply(by), CUBLAS_STATUS_SUCCESS);
    const std::vector<float> got = result.floats(expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(expected[i])) {
        ASSERT_TRUE(std::isnan(got[i])) << i;
      } else {
        ASSERT_NEAR(got[i], expected[i], 2e-7 * std::abs(expected[i]) + 1e-9) << i;
      }
    }
  }
}

TEST_F(CublasLt, OffersAlgorithmsByWorkspaceWithinWhatIsAllowed) {
  std::vector<cublasLtMatmulHeuristicResult_t> offers;
  for (const std::uint64_t most : {0, 255, 256, 512, 4096}) {
    request_.workspace = most;
    request_.c = request_.d = {CUDA_R_32F, 3, 50, 3};
    request_.b = {CUDA_R_32F, 4, 50, 4};
    ASSERT_EQ(Described(request_).ask(offers), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(offers.size(), most < 256 ? 1U : most < 1024 ? 2U : 3U) << most;
    EXPECT_LE(offers.front().workspaceSize, most);
    EXPECT_EQ(offers.back().workspaceSize, 0U);
    for (std::size_t i = 1; i < offers.size(); ++i) {
      EXPECT_LT(offers[i].workspaceSize, offers[i - 1].workspaceSize);
    }
  }
  ASSERT_EQ(Described(request_).ask(offers, 1), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(offers.size(), 1U) << "no more than was asked for";
}

TEST_F(CublasLt, CountsItsObjects) {
  const std::size_t before = lt_objects().size();
  {
    const Described by(request_);
    EXPECT_EQ(lt_objects().size(), before + 7);
  }
  EXPECT_EQ(lt_objects().size(), before);
}

TEST_F(CublasLt, FillsItsWorkspace) {
  std::memset(workspace_.data(), 0, 8192);
  const Described by(request_);
  Given call = given(by.best());
  call.workspace_bytes = 4096;  // more than it needs is its own, too
  ASSERT_EQ(call.multiply(by), CUBLAS_STATUS_SUCCESS);
  const std::vector<float> left = workspace_.floats(2048);
  EXPECT_TRUE(std::isnan(left[0]) && std::isnan(left[1023]));
  EXPECT_EQ(left[1024], 0);
}

TEST(CublasLtSettings, UnalignedBfloat16MayBeRefused) {
  const auto status = [](std::int64_t ld, std::uint32_t alignment, cudaDataType_t type) {
    Request r;
    r.a = {type, 3, 4, ld};
    r.b = {type, 4, 5, 8};
    r.alignment[1] = alignment;
    std::vector<cublasLtMatmulHeuristicResult_t> offers;
    const cublasStatus_t got = Described(r).ask(offers);
    return offers.empty() ? got : CUBLAS_STATUS_SUCCESS;
  };
  EXPECT_EQ(status(4, 8, CUDA_R_16BF), CUBLAS_STATUS_SUCCESS);
  const SettingsScope scope("aligned_bf16");
  EXPECT_EQ(status(8, 16, CUDA_R_16BF), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(status(4, 16, CUDA_R_16BF), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status(8, 8, CUDA_R_16BF), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status(4, 8, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
}

TEST(CublasLtSettings, ProductsMayAskForAllTheWorkspace) {
  const auto workspace = [] { return Described(Request{}).best().workspaceSize; };
  EXPECT_LT(workspace(), 4096U);
  const SettingsScope scope("gemm_workspace");
  EXPECT_EQ(workspace(), 4096U);
}

TEST(CublasLtSettings, QueuedWorkHoldsAllThatItNeeds) {
  const SettingsScope scope("async");
  const DeviceBlock a(std::vector<float>(12, 2.0f)), b(std::vector<float>(20, 0.5f)), c(4096),
      workspace(4096);
  {
    const Described by(Request{});
    Given call{a.data(), b.data(), c.data(), c.data(), workspace.data(), 4096, by.best().algo};
    ASSERT_EQ(call.multiply(by), CUBLAS_STATUS_SUCCESS);
    call.alpha = call.beta = kNan;
  }
  EXPECT_EQ(c.floats(15), std::vector<float>(15, 4.0f));
}

}  // namespace
}  // namespace frost::gpu_double
