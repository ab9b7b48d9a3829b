#include "tests/gpu_double/cublaslt/problem.h"

#include <cstring>
#include <utility>

#include "tests/gpu_double/cublaslt/matrix_product.h"
#include "tests/gpu_double/memory.h"

namespace frost::gpu_double {
namespace {

constexpr const char* kNames[] = {"cublasLtMatmul's A", "cublasLtMatmul's B", "cublasLtMatmul's C",
                                  "cublasLtMatmul's D"};

LtRefusal invalid(const std::string& why) {
  return {CUBLAS_STATUS_INVALID_VALUE, why};
}

std::string text(std::int64_t rows, std::int64_t cols) {
  return "[" + std::to_string(rows) + "," + std::to_string(cols) + "]";
}

LtRefusal check_types(const LtOperation& operation, const LtLayout& a, const LtLayout& b,
                      const LtLayout& c) {
  if (a.type != b.type) return invalid("A and B differ in type");
  if (a.type != CUDA_R_32F && a.type != CUDA_R_16BF) {
    return {CUBLAS_STATUS_NOT_SUPPORTED, "A and B are neither float32 nor bfloat16"};
  }
  if (c.type != CUDA_R_32F) return {CUBLAS_STATUS_NOT_SUPPORTED, "C is not float32"};
  if (operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a.type != CUDA_R_32F) {
    return {CUBLAS_STATUS_NOT_SUPPORTED, "tf32 is a way to multiply float32"};
  }
  return {};
}

}  // namespace

LtRefusal read_problem(const LtOperation& operation, const LtLayout& a, const LtLayout& b,
                       const LtLayout& c, const LtLayout& d, LtProblem& problem) {
  if (LtRefusal types = check_types(operation, a, b, c)) return types;
  if (!(c == d)) return invalid("C and D differ in type, size or leading dimension");
  for (const auto& [name, layout] : {std::pair{"A", &a}, {"B", &b}, {"C", &c}}) {
    if (layout->rows < 1 || layout->cols < 1 || layout->ld < layout->rows) {
      return invalid(std::string(name) + " " + text(layout->rows, layout->cols) +
                     " has the leading dimension " + std::to_string(layout->ld));
    }
  }
  const bool ta = operation.transpose_a == CUBLAS_OP_T, tb = operation.transpose_b == CUBLAS_OP_T;
  const std::int64_t m = ta ? a.cols : a.rows, k = ta ? a.rows : a.cols;
  const std::int64_t n = tb ? b.rows : b.cols, k_of_b = tb ? b.cols : b.rows;
  if (k != k_of_b || m != c.rows || n != c.cols) {
    return invalid("op(A) " + text(m, k) + " op(B) " + text(k_of_b, n) + " does not make C " +
                   text(c.rows, c.cols));
  }
  problem = {m,
             n,
             k,
             a.ld,
             b.ld,
             c.ld,
             a.type == CUDA_R_16BF,
             operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32,
             ta,
             tb};
  return {};
}

std::size_t LtProblem::bytes(std::size_t matrix) const {
  const auto span = [](std::int64_t rows, std::int64_t cols, std::int64_t ld, std::size_t element) {
    return static_cast<std::size_t>((cols - 1) * ld + rows) * element;
  };
  const std::size_t element = bfloat16 ? 2 : 4;
  if (matrix == 0) return transpose_a ? span(k, m, lda, element) : span(m, k, lda, element);
  if (matrix == 1) return transpose_b ? span(n, k, ldb, element) : span(k, n, ldb, element);
  return span(m, n, ldc, sizeof(float));
}

LtRefusal LtCall::check(const LtAlgorithm& algorithm) const {
  if (!(algorithm.problem == problem)) return invalid("the algorithm is another problem's");
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const std::uintptr_t promised = std::uintptr_t{1} << algorithm.alignment[i];
    if (reinterpret_cast<std::uintptr_t>(matrices[i]) % promised != 0) {
      return invalid(std::string(kNames[i]) + " is not aligned to the " + std::to_string(promised) +
                     " bytes promised");
    }
  }
  const std::size_t given = workspace == nullptr ? 0 : workspace_bytes;
  if (given != workspace_bytes || given < algorithm.workspace()) {
    return invalid("the algorithm needs a workspace of " + std::to_string(algorithm.workspace()) +
                   " bytes and got " + std::to_string(given));
  }
  if (reinterpret_cast<std::uintptr_t>(workspace) % LtAlgorithm::kWorkspaceUnit != 0) {
    return invalid("the workspace is not aligned to 256 bytes");
  }
  return {};
}

void LtCall::require_memory() const {
  const auto* first = static_cast<const std::byte*>(workspace);
  if (workspace_bytes > 0) require_on_device(first, workspace_bytes, "cublasLtMatmul's workspace");
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const auto* data = static_cast<const std::byte*>(matrices[i]);
    const std::size_t bytes = problem.bytes(i);
    require_on_device(data, bytes, kNames[i]);
    if (data < first + workspace_bytes && first < data + bytes) {
      violation(std::string(kNames[i]) + " lies in the workspace");
    }
  }
  const auto* result = static_cast<const std::byte*>(matrices[3]);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto* data = static_cast<const std::byte*>(matrices[i]);
    if (i == 2 && data == result) continue;  // D in the place of C
    if (data < result + problem.bytes(3) && result < data + problem.bytes(i)) {
      violation(std::string(kNames[i]) + " overlaps D");
    }
  }
}

void LtCall::run() const {
  require_memory();
  if (workspace_bytes > 0) std::memset(workspace, 0xFF, workspace_bytes);
  const Operand operand = problem.bfloat16 ? Operand::kBfloat16
                          : problem.tf32   ? Operand::kTf32
                                           : Operand::kFloat32;
  MatrixProduct{problem.m,
                problem.n,
                problem.k,
                operand,
                problem.transpose_a != 0,
                problem.transpose_b != 0,
                {matrices[0], problem.lda},
                {matrices[1], problem.ldb},
                problem.ldc,
                static_cast<const float*>(matrices[2]),
                static_cast<float*>(d),
                alpha,
                beta}
      .run();
}

}  // namespace frost::gpu_double
