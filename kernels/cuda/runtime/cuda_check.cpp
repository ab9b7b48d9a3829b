#include "kernels/cuda/runtime/cuda_check.h"

#include <cstdio>
#include <filesystem>
#include <string>

#include "kernels/errors.h"

namespace frost::cuda {

// The runtime keeps the last failure for the next launch to find; it has been told here.

void throw_failure(const char* call, const char* text, const char* file, int line) {
  static_cast<void>(cudaGetLastError());
  fail("cuda", std::string(call) + " failed: " + text + " (" +
                   std::filesystem::path(file).filename().string() + ":" + std::to_string(line) +
                   ")");
}

void report_failure(const char* call, cudaError_t status) noexcept {
  // At exit the driver may be gone before the last destructor runs; its memory went with it.
  if (status == cudaErrorCudartUnloading) return;
  static_cast<void>(cudaGetLastError());
  std::fprintf(stderr, "[cuda] %s failed: %s\n", call, cudaGetErrorString(status));
}

}  // namespace frost::cuda
