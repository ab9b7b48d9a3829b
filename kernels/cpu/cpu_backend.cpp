#include "kernels/cpu/cpu_backend.h"

#include <cstring>

#include "kernels/out_of_memory.h"
#include "kernels/parallel_for.h"

namespace frost {

CpuBackend::CpuBackend(const char* level) : level_(level) {}

std::string CpuBackend::description() const {
  return std::string("cpu (") + level_ + ", " + thread_summary() + ")";
}

void CpuBackend::configure(const ComputeOptions& options) {
  if (options.math != MathMode::kFp32) {
    throw UsageError(std::string("precision ") + to_string(options.math) +
                     " needs device cuda: the CPU computes in fp32");
  }
  options_ = options;
}

void* CpuBackend::allocate(std::size_t bytes) {
  try {
    return allocator_.allocate(bytes);
  } catch (const std::bad_alloc&) {
    throw out_of_host_memory(bytes, ledger().snapshot());
  }
}

void CpuBackend::release(void* data) {
  allocator_.release(data);
}

void CpuBackend::copy_to_host(void* dst, const void* src, std::size_t bytes) {
  copy(dst, src, bytes);
}

void CpuBackend::copy_from_host(void* dst, const void* src, std::size_t bytes) {
  copy(dst, src, bytes);
}

void CpuBackend::copy(void* dst, const void* src, std::size_t bytes) {
  if (bytes > 0) std::memcpy(dst, src, bytes);  // of nothing, the addresses may be null
}

void CpuBackend::fill_zero(void* data, std::size_t bytes) {
  if (bytes > 0) std::memset(data, 0, bytes);
}

}  // namespace frost
