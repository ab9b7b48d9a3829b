#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/gpu_double/device_block.h"
#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/stream.h"

// What a program says to cublasLt, to be said wrongly.
namespace frost::gpu_double {

inline cudaStream_t stream() {
  static const cudaStream_t made = [] {
    cudaStream_t s = nullptr;
    EXPECT_EQ(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), cudaSuccess);
    return s;
  }();
  return made;
}

struct Stored {
  cudaDataType_t type;
  std::uint64_t rows, cols;
  std::int64_t ld;
};

/// What a program says of a product [3, 5] = [3, 4] [4, 5] of float32, and may say wrongly.
struct Request {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cublasOperation_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  Stored a{CUDA_R_32F, 3, 4, 3}, b{CUDA_R_32F, 4, 5, 4}, c{CUDA_R_32F, 3, 5, 3},
      d{CUDA_R_32F, 3, 5, 3};
  std::uint64_t workspace = 4096;
  std::uint32_t alignment[4] = {16, 16, 16, 16};
};

/// The descriptors of a request.
struct Described {
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr, d = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;

  explicit Described(const Request& request) {
    cublasLtCreate(&handle);
    cublasLtMatmulDescCreate(&operation, request.compute, CUDA_R_32F);
    set(CUBLASLT_MATMUL_DESC_TRANSA, request.transpose_a);
    set(CUBLASLT_MATMUL_DESC_TRANSB, request.transpose_b);
    for (const auto& [to, from] :
         {std::pair{&a, &request.a}, {&b, &request.b}, {&c, &request.c}, {&d, &request.d}}) {
      cublasLtMatrixLayoutCreate(to, from->type, from->rows, from->cols, from->ld);
    }
    cublasLtMatmulPreferenceCreate(&preference);
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, request.workspace);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, request.alignment[0]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, request.alignment[1]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, request.alignment[2]);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, request.alignment[3]);
  }
  ~Described() {
    for (const cublasLtMatrixLayout_t layout : {a, b, c, d}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulPreferenceDestroy(preference);
    cublasLtMatmulDescDestroy(operation);
    cublasLtDestroy(handle);
  }
  Described(const Described&) = delete;
  Described& operator=(const Described&) = delete;

  template <class T>
  cublasStatus_t set(cublasLtMatmulDescAttributes_t name, T value) const {
    return cublasLtMatmulDescSetAttribute(operation, name, &value, sizeof value);
  }
  template <class T>
  cublasStatus_t prefer(cublasLtMatmulPreferenceAttributes_t name, T value) const {
    return cublasLtMatmulPreferenceSetAttribute(preference, name, &value, sizeof value);
  }
  cublasStatus_t ask(std::vector<cublasLtMatmulHeuristicResult_t>& offers, int most = 8) const {
    offers.resize(static_cast<std::size_t>(most));
    int found = -1;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle, operation, a, b, c, d, preference, most, offers.data(), &found);
    EXPECT_GE(found, 0);
    offers.resize(static_cast<std::size_t>(std::max(found, 0)));
    return status;
  }
  cublasLtMatmulHeuristicResult_t best() const {
    std::vector<cublasLtMatmulHeuristicResult_t> offers;
    EXPECT_EQ(ask(offers, 1), CUBLAS_STATUS_SUCCESS);
    return offers.at(0);
  }
};

/// What a program gives to a call, and may give wrongly.
struct Given {
  const void *a, *b, *c;
  void *d, *workspace;
  std::size_t workspace_bytes;
  cublasLtMatmulAlgo_t algorithm;
  float alpha = 1.0f, beta = 0.0f;

  cublasStatus_t multiply(const Described& by) const {
    return cublasLtMatmul(by.handle, by.operation, &alpha, a, by.a, b, by.b, &beta, c, by.c, d,
                          by.d, &algorithm, workspace, workspace_bytes, stream());
  }
};

/// A good request with memory for it.
class CublasLt : public testing::Test {
 protected:
  Given given(const cublasLtMatmulHeuristicResult_t& best) const {
    return {a_.data(),         b_.data(),          c_.data(), c_.data(),
            workspace_.data(), best.workspaceSize, best.algo};
  }

  Request request_;
  DeviceBlock a_{4096}, b_{4096}, c_{4096}, workspace_{8192};
};

}  // namespace frost::gpu_double
