#include "kernels/cuda/gemm.h"

#include <string>

#include "kernels/compute_options.h"
#include "kernels/cuda/conv/plan_cache.h"
#include "kernels/cuda/runtime/cuda_check.h"
#include "kernels/errors.h"

/// Throws Error where a cuBLAS call fails.
#define FROST_CUBLAS(call)                                                                 \
  do {                                                                                     \
    const cublasStatus_t frost_status = (call);                                            \
    if (frost_status != CUBLAS_STATUS_SUCCESS) {                                           \
      ::frost::cuda::throw_failure(#call, cublasLtGetStatusString(frost_status), __FILE__, \
                                   __LINE__);                                              \
    }                                                                                      \
  } while (false)

namespace frost::cuda {
namespace {

/// Bounds what shapes that never come back may keep, a few KiB each. A minibatch of graphs has
/// about 100 products, most of them of a height that is one of its sizes in use (rounded up to
/// buckets).
constexpr std::size_t kCapacity = 4096;
/// What cuBLAS recommends for the newest devices; older ones use less of it.
constexpr std::size_t kGemmWorkspace = std::size_t{32} << 20;

cublasComputeType_t compute_type(std::int32_t math) {
  return static_cast<MathMode>(math) == MathMode::kTf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                        : CUBLAS_COMPUTE_32F;
}

template <class T>
void set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t name, T value) {
  FROST_CUBLAS(cublasLtMatmulDescSetAttribute(desc, name, &value, sizeof value));
}

template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t name,
         T value) {
  FROST_CUBLAS(cublasLtMatmulPreferenceSetAttribute(preference, name, &value, sizeof value));
}

cudaDataType_t operand_type(std::int32_t math) {
  return static_cast<MathMode>(math) == MathMode::kBf16 ? CUDA_R_16BF : CUDA_R_32F;
}

/// A column-major matrix of `rows` x `cols`.
cublasLtMatrixLayout_t layout(cudaDataType_t type, std::int64_t rows, std::int64_t cols,
                              std::int64_t ld) {
  cublasLtMatrixLayout_t made = nullptr;
  FROST_CUBLAS(cublasLtMatrixLayoutCreate(&made, type, static_cast<std::uint64_t>(rows),
                                          static_cast<std::uint64_t>(cols), ld));
  return made;
}

std::string text(const GemmKey& key) {
  return "[" + std::to_string(key.m) + "," + std::to_string(key.k) + "] x [" +
         std::to_string(key.k) + "," + std::to_string(key.n) + "]";
}

/// Operands and result, each moved once.
Traffic traffic(const GemmKey& key) {
  const std::int64_t operands = key.m * key.k + key.k * key.n, result = key.m * key.n;
  const bool half = static_cast<MathMode>(key.math) == MathMode::kBf16;
  return (half ? reads<std::uint16_t>(operands) : reads(operands)) +
         reads(key.accumulate ? result : 0) + writes(result);
}

}  // namespace

/// Row-major C = op(A) op(B) is column-major C^T = op(B)^T op(A)^T, and a row-major matrix read as
/// column-major is its own transpose: the operands change places and keep their transpose flags.
struct LtGemm::Plan {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};
  std::size_t workspace = 0;

  explicit Plan(const GemmKey& key) {
    FROST_CUBLAS(cublasLtMatmulDescCreate(&operation, compute_type(key.math), CUDA_R_32F));
    const auto flag = [](std::int32_t on) { return on ? CUBLAS_OP_T : CUBLAS_OP_N; };
    set(operation, CUBLASLT_MATMUL_DESC_TRANSA, flag(key.transpose_b));
    set(operation, CUBLASLT_MATMUL_DESC_TRANSB, flag(key.transpose_a));
    const cudaDataType_t type = operand_type(key.math);
    first =
        key.transpose_b ? layout(type, key.k, key.n, key.ldb) : layout(type, key.n, key.k, key.ldb);
    second =
        key.transpose_a ? layout(type, key.m, key.k, key.lda) : layout(type, key.k, key.m, key.lda);
    result = layout(CUDA_R_32F, key.n, key.m, key.ldc);
  }
  ~Plan() {
    for (const cublasLtMatrixLayout_t l : {first, second, result}) {
      if (l != nullptr) cublasLtMatrixLayoutDestroy(l);
    }
    if (operation != nullptr) cublasLtMatmulDescDestroy(operation);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Takes the heuristic's first choice.
  void choose(cublasLtHandle_t handle, const GemmKey& key) {
    cublasLtMatmulPreference_t preference = nullptr;
    FROST_CUBLAS(cublasLtMatmulPreferenceCreate(&preference));
    const std::unique_ptr<std::remove_pointer_t<cublasLtMatmulPreference_t>,
                          decltype(&cublasLtMatmulPreferenceDestroy)>
        owner(preference, &cublasLtMatmulPreferenceDestroy);
    const auto bytes = [](std::int64_t alignment) { return static_cast<std::uint32_t>(alignment); };
    set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kGemmWorkspace);
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, bytes(key.alignment_b));
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, bytes(key.alignment_a));
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, bytes(key.alignment_c));
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, bytes(key.alignment_c));
    cublasLtMatmulHeuristicResult_t best = {};
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle, operation, first, second, result, result, preference, 1, &best, &found);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || found == 0) {
      fail("gemm", "cublasLt has no algorithm for " + text(key));
    }
    FROST_CUBLAS(status);
    FROST_CUBLAS(best.state);
    algorithm = best.algo;
    workspace = best.workspaceSize;
  }
};

LtGemm::LtGemm(Stream& stream, Arena& arena) : stream_(stream), arena_(arena), plans_(kCapacity) {
  FROST_CUBLAS(cublasLtCreate(&handle_));
}

LtGemm::~LtGemm() {
  cublasLtDestroy(handle_);
}

std::unique_ptr<LtGemm::Plan> LtGemm::make(const GemmKey& key) {
  require_no_capture(stream_, "a matrix product");
  auto plan = std::make_unique<Plan>(key);
  plan->choose(handle_, key);
  stream_.count_plan();
  return plan;
}

void LtGemm::run(const GemmKey& key, const void* a, const void* b, float* c) {
  const Plan& plan = *plans_.get(key, [&] { return make(key); });
  const Arena::Scope scope(arena_);
  void* workspace = plan.workspace == 0 ? nullptr : arena_.take(plan.workspace);
  const float alpha = 1.0f, beta = key.accumulate ? 1.0f : 0.0f;
  FROST_CUBLAS(cublasLtMatmul(handle_, plan.operation, &alpha, b, plan.first, a, plan.second, &beta,
                              c, plan.result, c, plan.result, &plan.algorithm, workspace,
                              plan.workspace, stream_.raw()));
  stream_.count_library(traffic(key), key.m * key.n * key.k);
}

}  // namespace frost::cuda
