#pragma once

#include <cuda_runtime_api.h>

namespace frost::cuda {

/// Throws Error("[cuda] `call` failed: `text` (file:line)").
[[noreturn]] void throw_failure(const char* call, const char* text, const char* file, int line);
/// Writes the same line to stderr, unless the process is ending.
void report_failure(const char* call, cudaError_t status) noexcept;

}  // namespace frost::cuda

/// Throws Error where a CUDA runtime call fails.
#define FROST_CUDA(call)                                                                         \
  do {                                                                                           \
    const cudaError_t frost_status = (call);                                                     \
    if (frost_status != cudaSuccess) {                                                           \
      ::frost::cuda::throw_failure(#call, cudaGetErrorString(frost_status), __FILE__, __LINE__); \
    }                                                                                            \
  } while (false)

/// For destructors: reports a failure and goes on.
#define FROST_CUDA_NOTHROW(call)                                                         \
  do {                                                                                   \
    const cudaError_t frost_status = (call);                                             \
    if (frost_status != cudaSuccess) ::frost::cuda::report_failure(#call, frost_status); \
  } while (false)
