#include <gtest/gtest.h>

#include <vector>

#include "tests/gpu_double/cublaslt/fixture.h"

// What the double of cublasLt refuses, and what it ends the process for.
namespace frost::gpu_double {
namespace {

using CublasLtRefusals = CublasLt;

TEST_F(CublasLtRefusals, TheHeuristicRefusesWhatNoProductIs) {
  struct Row {
    const char* wrong;
    void (*change)(Request&);
    cublasStatus_t status = CUBLAS_STATUS_INVALID_VALUE;
  };
  const std::vector<Row> rows = {
      {"ld of A", [](Request& r) { r.a.ld = 2; }},
      {"ld of B", [](Request& r) { r.b.ld = 3; }},
      {"ld of C and D", [](Request& r) { r.c.ld = r.d.ld = 2; }},
      {"no rows", [](Request& r) { r.a.rows = r.c.rows = r.d.rows = 0; }},
      {"A transposed", [](Request& r) { r.transpose_a = CUBLAS_OP_T, r.a.ld = 4; }},
      {"B transposed", [](Request& r) { r.transpose_b = CUBLAS_OP_T; }},
      {"rows of C", [](Request& r) { r.c.rows = r.d.rows = 2; }},
      {"columns of C", [](Request& r) { r.c.cols = r.d.cols = 4; }},
      {"D larger than C", [](Request& r) { r.d.cols = 6; }},
      {"D of another ld", [](Request& r) { r.d.ld = 4; }},
      {"type of B", [](Request& r) { r.b.type = CUDA_R_16BF; }},
      {"half", [](Request& r) { r.a.type = r.b.type = CUDA_R_16F; }, CUBLAS_STATUS_NOT_SUPPORTED},
      {"C in bf16", [](Request& r) { r.c.type = r.d.type = CUDA_R_16BF; },
       CUBLAS_STATUS_NOT_SUPPORTED},
      {"bf16 as tf32",
       [](Request& r) {
         r.a.type = r.b.type = CUDA_R_16BF;
         r.compute = CUBLAS_COMPUTE_32F_FAST_TF32;
       },
       CUBLAS_STATUS_NOT_SUPPORTED},
      {"floats at odd halves", [](Request& r) { r.alignment[1] = 2; },
       CUBLAS_STATUS_NOT_SUPPORTED}};
  for (const Row& row : rows) {
    Request wrong;
    row.change(wrong);
    std::vector<cublasLtMatmulHeuristicResult_t> offers;
    EXPECT_EQ(Described(wrong).ask(offers), row.status) << row.wrong;
    EXPECT_TRUE(offers.empty()) << row.wrong;
  }
}

TEST_F(CublasLtRefusals, MatmulRefusesWhatTheAlgorithmWasNotFoundFor) {
  struct Row {
    const char* wrong;
    void (*change)(Given&);
  };
  const std::vector<Row> rows = {
      {"A", [](Given& g) { g.a = static_cast<const float*>(g.a) + 1; }},
      {"B", [](Given& g) { g.b = static_cast<const float*>(g.b) + 2; }},
      {"C", [](Given& g) { g.c = static_cast<const float*>(g.c) + 1; }},
      {"D", [](Given& g) { g.d = static_cast<float*>(g.d) + 1; }},
      {"too little workspace", [](Given& g) { --g.workspace_bytes; }},
      {"no workspace", [](Given& g) { g.workspace = nullptr; }},
      {"workspace at 16",
       [](Given& g) { g.workspace = static_cast<std::byte*>(g.workspace) + 16; }},
      {"no algorithm of the heuristic", [](Given& g) { g.algorithm = {}; }}};
  const Described by(request_);
  const cublasLtMatmulHeuristicResult_t best = by.best();
  ASSERT_GT(best.workspaceSize, 0U);
  for (const Row& row : rows) {
    Given wrong = given(best);
    row.change(wrong);
    EXPECT_EQ(wrong.multiply(by), CUBLAS_STATUS_INVALID_VALUE) << row.wrong;
  }
  EXPECT_EQ(given(best).multiply(by), CUBLAS_STATUS_SUCCESS);
}

TEST_F(CublasLtRefusals, AnAlgorithmIsGoodForItsProblemAlone) {
  const std::vector<void (*)(Request&)> others = {
      [](Request& r) { r.a.ld = 4; },
      [](Request& r) { r.c.ld = r.d.ld = 4; },
      [](Request& r) { r.b.cols = r.c.cols = r.d.cols = 6; },
      [](Request& r) { r.a.type = r.b.type = CUDA_R_16BF; },
      [](Request& r) { r.compute = CUBLAS_COMPUTE_32F_FAST_TF32; },
      [](Request& r) {
        r.transpose_a = CUBLAS_OP_T, r.a = {CUDA_R_32F, 4, 3, 4};
      }};
  for (const auto& change : others) {
    Request other;
    change(other);
    const Described by(other);
    EXPECT_EQ(given(by.best()).multiply(by), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(given(Described(request_).best()).multiply(by), CUBLAS_STATUS_INVALID_VALUE);
  }
}

TEST_F(CublasLtRefusals, AttributesHaveNamesSizesAndValues) {
  const Described by(request_);
  EXPECT_EQ(by.set(CUBLASLT_MATMUL_DESC_TRANSA, std::int64_t{CUBLAS_OP_T}),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(by.set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_C), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(by.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU),
            CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(by.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint32_t{1}),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(by.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint64_t{16}),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(by.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, std::uint32_t{12}),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(by.prefer(CUBLASLT_MATMUL_PREF_MAX_WAVES_COUNT, 1.0f), CUBLAS_STATUS_NOT_SUPPORTED);
  cublasLtMatmulDesc_t operation = nullptr;
  EXPECT_EQ(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_64F, CUDA_R_64F),
            CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_64F),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasLtCreate(nullptr), CUBLAS_STATUS_INVALID_VALUE);
}

using CublasLtDeathTest = CublasLt;

TEST_F(CublasLtDeathTest, EndsWhatCudaLeavesUndefined) {
  const Described by(request_);
  const Given good = given(by.best());
  const auto with = [&](const auto& change) {
    Given wrong = good;
    change(wrong);
    wrong.multiply(by);
  };
  alignas(256) static float host[64] = {};
  EXPECT_DEATH(with([](Given& g) { g.a = host; }), "cublasLtMatmul's A");
  EXPECT_DEATH(with([](Given& g) { g.b = nullptr; }), "cublasLtMatmul's B");
  EXPECT_DEATH(with([&](Given& g) { g.d = c_.data() + 4096 - 16; }), "cublasLtMatmul's D");
  EXPECT_DEATH(with([](Given& g) { g.workspace = host; }), "cublasLtMatmul's workspace");
  EXPECT_DEATH(with([&](Given& g) { g.workspace = c_.data(); }), "lies in the workspace");
  const auto* scale = reinterpret_cast<const float*>(a_.data());
  EXPECT_DEATH(cublasLtMatmul(by.handle, by.operation, scale, good.a, by.a, good.b, by.b, scale,
                              good.c, by.c, good.d, by.d, &good.algorithm, good.workspace,
                              good.workspace_bytes, stream()),
               "alpha and beta on the host");
}

TEST_F(CublasLtDeathTest, EndsTheUseOfWhatWasDestroyedOrIsSomethingElse) {
  cublasLtMatrixLayout_t layout = nullptr;
  cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 3, 4, 3);
  cublasLtMatrixLayoutDestroy(layout);
  EXPECT_DEATH(cublasLtMatrixLayoutDestroy(layout), "no matrix layout is behind this handle");
  const Described by(request_);
  cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 3, 4, 3);  // not the destroyed one again
  EXPECT_DEATH(cublasLtMatmulDescDestroy(reinterpret_cast<cublasLtMatmulDesc_t>(layout)),
               "no operation descriptor is behind this handle");
  cublasLtMatrixLayoutDestroy(layout);
}

}  // namespace
}  // namespace frost::gpu_double
