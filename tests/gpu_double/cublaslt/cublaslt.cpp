#include <cublasLt.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "tests/gpu_double/cublaslt/problem.h"
#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/settings.h"
#include "tests/gpu_double/stream.h"

// The calls of cublasLt that kernels/cuda makes. What the real one answers with a status is
// refused with that status; what it leaves undefined is a violation.
namespace frost::gpu_double {

LtObjects& lt_objects() {
  static auto& all = *new LtObjects;
  return all;
}

namespace {

static_assert(sizeof(LtAlgorithm) == sizeof(cublasLtMatmulAlgo_t) &&
              std::has_unique_object_representations_v<LtAlgorithm>);

/// cublasLt tells no more than a status; the reason goes where its log would.
cublasStatus_t refuse(cublasStatus_t status, const std::string& why) {
  std::fprintf(stderr, "cublasLt refuses: %s\n", why.c_str());
  return status;
}

cublasStatus_t refuse(const std::string& why) {
  return refuse(CUBLAS_STATUS_INVALID_VALUE, why);
}

template <class Handle, class Object>
cublasStatus_t make(Handle* handle, const Object& object) {
  if (handle == nullptr) return refuse(std::string("no place for a new ") + Object::kName);
  lt_objects().make(handle, object);
  return CUBLAS_STATUS_SUCCESS;
}

template <class Object>
cublasStatus_t destroy(const void* handle) {
  lt_objects().destroy<Object>(handle);
  return CUBLAS_STATUS_SUCCESS;
}

/// Reads an attribute of exactly this size.
template <class T>
cublasStatus_t read(const void* buffer, std::size_t bytes, T& value) {
  if (buffer == nullptr || bytes != sizeof value) {
    return refuse("an attribute of " + std::to_string(sizeof value) + " bytes was given as " +
                  std::to_string(bytes));
  }
  std::memcpy(&value, buffer, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

LtRefusal read_problem(cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a,
                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                       LtProblem& problem) {
  LtObjects& all = lt_objects();
  return read_problem(all.get<LtOperation>(operation), all.get<LtLayout>(a), all.get<LtLayout>(b),
                      all.get<LtLayout>(c), all.get<LtLayout>(d), problem);
}

/// Whether the double was told to have nothing for such operands.
bool withheld(const LtProblem& problem, const LtPreference& preference) {
  if (!settings().aligned_bf16_only || !problem.bfloat16) return false;
  constexpr std::int64_t kElements = 8;  // in 16 bytes
  return preference.alignment[0] < 16 || preference.alignment[1] < 16 ||
         problem.lda % kElements != 0 || problem.ldb % kElements != 0;
}

/// Workspaces of the algorithms on offer, best first, in units: two partial results, one, none.
std::vector<std::uint64_t> workspaces_on_offer(const LtProblem& problem, std::uint64_t most) {
  constexpr std::uint64_t kUnit = LtAlgorithm::kWorkspaceUnit;
  const auto result = static_cast<std::uint64_t>(problem.m * problem.n) * sizeof(float);
  std::vector<std::uint64_t> units;
  for (const std::uint64_t bytes : {settings().largest_workspace ? most : 2 * result, result}) {
    units.push_back((std::min(bytes, most) + kUnit - 1) / kUnit);
    if (units.back() > most / kUnit) units.pop_back();
  }
  units.push_back(0);
  units.erase(std::unique(units.begin(), units.end()), units.end());
  return units;
}

cublasStatus_t set_alignment(LtPreference& preference, std::size_t matrix, const void* buffer,
                             std::size_t bytes) {
  std::uint32_t alignment = 0;
  if (const cublasStatus_t status = read(buffer, bytes, alignment)) return status;
  if (!std::has_single_bit(alignment)) {
    return refuse("the alignment " + std::to_string(alignment) + " is no power of two");
  }
  preference.alignment[matrix] = alignment;
  return CUBLAS_STATUS_SUCCESS;
}

/// A scale factor from the host.
bool on_host(const void* scale) {
  if (scale != nullptr && on_device(scale, sizeof(float))) {
    violation("cublasLtMatmul reads alpha and beta on the host, and got device memory");
  }
  return scale != nullptr;
}

}  // namespace
}  // namespace frost::gpu_double

using namespace frost::gpu_double;

size_t cublasLtGetVersion() {
  return 130100;
}

const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    default:
      return "a status that the double does not return";
  }
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  return make(handle, LtContext{});
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return destroy<LtContext>(handle);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation,
                                        cublasComputeType_t compute, cudaDataType_t scale) {
  if (compute != CUBLAS_COMPUTE_32F && compute != CUBLAS_COMPUTE_32F_FAST_TF32) {
    return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "a compute type other than 32F, 32F_FAST_TF32");
  }
  if (scale != CUDA_R_32F) return refuse("alpha and beta are not float32");
  return make(operation, LtOperation{compute});
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) {
  return destroy<LtOperation>(operation);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void* buffer, size_t bytes) {
  auto& operation = lt_objects().get<LtOperation>(handle);
  if (name != CUBLASLT_MATMUL_DESC_TRANSA && name != CUBLASLT_MATMUL_DESC_TRANSB) {
    return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "an attribute of operations other than TRANSA, B");
  }
  cublasOperation_t flag = CUBLAS_OP_N;
  if (const cublasStatus_t status = read(buffer, bytes, flag)) return status;
  if (flag != CUBLAS_OP_N && flag != CUBLAS_OP_T) return refuse("a transpose other than N, T");
  (name == CUBLASLT_MATMUL_DESC_TRANSA ? operation.transpose_a : operation.transpose_b) = flag;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          uint64_t rows, uint64_t cols, int64_t ld) {
  return make(layout,
              LtLayout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(cols), ld});
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy<LtLayout>(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return make(preference, LtPreference{});
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy<LtPreference>(preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void* buffer, size_t bytes) {
  auto& preference = lt_objects().get<LtPreference>(handle);
  switch (name) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return read(buffer, bytes, preference.workspace);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: {
      constexpr int kFirst = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
      return set_alignment(preference, static_cast<std::size_t>(name - kFirst), buffer, bytes);
    }
    default:
      return refuse(CUBLAS_STATUS_NOT_SUPPORTED,
                    "a preference other than the workspace and alignments");
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference_handle,
                                              int wanted, cublasLtMatmulHeuristicResult_t results[],
                                              int* found) {
  lt_objects().get<LtContext>(handle);
  const auto& preference = lt_objects().get<LtPreference>(preference_handle);
  if (results == nullptr || found == nullptr || wanted < 1) return refuse("no place for results");
  *found = 0;
  LtAlgorithm algorithm;
  if (const LtRefusal no = read_problem(operation, a, b, c, d, algorithm.problem)) {
    return refuse(no.status, no.why);
  }
  if (withheld(algorithm.problem, preference)) return CUBLAS_STATUS_NOT_SUPPORTED;
  const std::uint32_t element = algorithm.problem.bfloat16 ? 2 : 4;
  for (std::size_t i = 0; i < preference.alignment.size(); ++i) {
    if (preference.alignment[i] < (i < 2 ? element : 4)) {
      return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "a matrix may not be aligned to its elements");
    }
    algorithm.alignment[i] = static_cast<std::uint8_t>(std::countr_zero(preference.alignment[i]));
  }
  for (const std::uint64_t units : workspaces_on_offer(algorithm.problem, preference.workspace)) {
    if (*found == wanted) break;
    algorithm.workspace_units = static_cast<std::uint32_t>(units);
    results[(*found)++] = {std::bit_cast<cublasLtMatmulAlgo_t>(algorithm),
                           algorithm.workspace(),
                           CUBLAS_STATUS_SUCCESS,
                           1.0f,
                           {}};
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* chosen,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  lt_objects().get<LtContext>(handle);
  LtProblem problem;
  LtRefusal no = read_problem(operation, a_layout, b_layout, c_layout, d_layout, problem);
  if (no) return refuse(no.status, no.why);
  if (!on_host(alpha) || !on_host(beta)) return refuse("alpha or beta is missing");
  if (chosen == nullptr) return refuse("no algorithm; the program chooses its own");
  const LtCall call{problem,
                    *static_cast<const float*>(alpha),
                    *static_cast<const float*>(beta),
                    {a, b, c, d},
                    d,
                    workspace,
                    workspace_bytes};
  no = call.check(std::bit_cast<LtAlgorithm>(*chosen));
  if (no) return refuse(no.status, no.why);
  call.require_memory();
  const cudaError_t error = enqueue_computation(stream, [call] { call.run(); });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
