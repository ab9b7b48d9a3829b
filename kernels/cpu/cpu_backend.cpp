#include "kernels/cpu/cpu_backend.h"

#include <cstring>

#include "kernels/cpu/onednn.h"
#include "kernels/cpu/tap_conv.h"
#include "kernels/cpu/winograd_conv.h"
#include "kernels/parallel_for.h"

namespace frost {

CpuBackend::CpuBackend()
    : direct_(std::make_unique<OneDnnConvolutions>(*this)),
      taps_(std::make_unique<TapConvolutions>(*this)),
      winograd_(std::make_unique<WinogradConvolutions>(*this)) {}

CpuBackend::~CpuBackend() = default;

std::string CpuBackend::description() const {
  return "cpu (" + onednn_description() + ", " + thread_summary() + ")";
}

void* CpuBackend::allocate(std::size_t bytes) {
  return allocator_.allocate(bytes);
}

void CpuBackend::release(void* data) {
  allocator_.release(data);
}

void CpuBackend::copy_to_host(void* dst, const void* src, std::size_t bytes) {
  std::memcpy(dst, src, bytes);
}

void CpuBackend::copy_from_host(void* dst, const void* src, std::size_t bytes) {
  std::memcpy(dst, src, bytes);
}

void CpuBackend::copy(void* dst, const void* src, std::size_t bytes) {
  std::memcpy(dst, src, bytes);
}

void CpuBackend::fill_zero(void* data, std::size_t bytes) {
  std::memset(data, 0, bytes);
}

}  // namespace frost
