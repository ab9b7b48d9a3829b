#pragma once

#include <cublasLt.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/gpu_double/cublaslt/objects.h"

namespace frost::gpu_double {

/// A product D = alpha op(A) op(B) + beta C as its descriptors say it.
struct LtProblem {
  std::int64_t m = 0, n = 0, k = 0, lda = 0, ldb = 0, ldc = 0;
  std::uint16_t bfloat16 = 0, tf32 = 0, transpose_a = 0, transpose_b = 0;  ///< flags

  bool operator==(const LtProblem&) const = default;
  /// From the first byte of A, B, C or D to the last.
  std::size_t bytes(std::size_t matrix) const;
};

/// What the heuristic hands out; it is good for its problem alone, and for pointers that are
/// multiples of 2^alignment, of A, B, C and D.
struct LtAlgorithm {
  LtProblem problem;
  std::array<std::uint8_t, 4> alignment{};
  std::uint32_t workspace_units = 0;

  static constexpr std::uint64_t kWorkspaceUnit = 256;  ///< bytes
  std::uint64_t workspace() const { return workspace_units * kWorkspaceUnit; }
};

/// A refused call: the status and why. Success says nothing.
struct LtRefusal {
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  std::string why;

  explicit operator bool() const { return status != CUBLAS_STATUS_SUCCESS; }
};

/// One product with its pointers: all that is needed to run it when its descriptors may be gone.
struct LtCall {
  LtProblem problem;
  float alpha, beta;
  std::array<const void*, 4> matrices;  ///< A, B, C, D
  void* d;
  void* workspace;
  std::size_t workspace_bytes;

  /// Whether the algorithm was found for this problem, these pointers and no more workspace.
  LtRefusal check(const LtAlgorithm& algorithm) const;
  /// A `violation` unless matrices and workspace are live device memory apart from each other.
  void require_memory() const;
  /// Fills the workspace with 0xFF, then computes.
  void run() const;
};

/// Fills `problem` from its descriptors unless they contradict each other.
LtRefusal read_problem(const LtOperation& operation, const LtLayout& a, const LtLayout& b,
                       const LtLayout& c, const LtLayout& d, LtProblem& problem);

}  // namespace frost::gpu_double
