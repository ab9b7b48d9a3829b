#include "kernels/cuda/cuda_backend.h"

#include <cublasLt.h>
#include <cudnn.h>

#include <string>

#include "kernels/cuda/conv/conv2d.h"
#include "kernels/cuda/runtime/capture.h"
#include "kernels/cuda/runtime/cuda_check.h"
#include "kernels/cuda/runtime/device.h"
#include "kernels/cuda/runtime/diagnosis.h"
#include "kernels/errors.h"

namespace frost {
namespace {

constexpr int kDevice = 0;  // CUDA_VISIBLE_DEVICES chooses another

}  // namespace

// The workspace is taken whole, once: plans and captured graphs may keep its address for life, and
// a block that never grows has no way to move. Reserving addresses and mapping pages on demand
// would save at most these 256 MiB.
CudaBackend::CudaBackend()
    : stream_(kDevice),
      allocator_(kDevice, stream_, ledger()),
      workspace_(*this, MemoryTag::kWorkspace, static_cast<std::size_t>(cuda::kWorkspaceCeiling)),
      arena_(workspace_.data(), workspace_.bytes()),
      convolutions_(std::make_unique<cuda::CudnnConvolutions>(*this)) {}

CudaBackend::~CudaBackend() {
  FROST_CUDA_NOTHROW(cudaStreamSynchronize(stream_.raw()));
}

void CudaBackend::configure(const ComputeOptions& options) {
  const std::string problem = cuda::precision_problem(options.math, cuda::probe_device());
  if (!problem.empty()) throw UsageError(problem);
  options_ = options;
}

std::string CudaBackend::kernel_report() const {
  return convolutions_->report();
}

std::string CudaBackend::description() const {
  cudaDeviceProp properties = {};
  int driver = 0;
  FROST_CUDA(cudaGetDeviceProperties(&properties, kDevice));
  FROST_CUDA(cudaDriverGetVersion(&driver));
  const auto dotted = [](std::size_t version, std::size_t major) {
    return std::to_string(version / major) + "." + std::to_string(version % major / 100);
  };
  return std::string("cuda (") + properties.name + ", sm_" + std::to_string(properties.major) +
         std::to_string(properties.minor) + ", driver for CUDA " + cuda::version_text(driver) +
         ", cuDNN " + dotted(cudnnGetVersion(), 10000) + ", cuBLAS " +
         dotted(cublasLtGetVersion(), 10000) + ", " + to_string(options_.math) +
         (options_.deterministic ? "" : ", not deterministic") + ")";
}

void* CudaBackend::allocate(std::size_t bytes) {
  return allocator_.allocate(bytes);
}

void CudaBackend::release(void* data) {
  allocator_.release(data);
}

void CudaBackend::copy_to_host(void* dst, const void* src, std::size_t bytes) {
  if (bytes != 0) stream_.download(dst, src, bytes);
}

void CudaBackend::copy_from_host(void* dst, const void* src, std::size_t bytes) {
  if (bytes != 0) stream_.upload(dst, src, bytes);
}

void CudaBackend::copy(void* dst, const void* src, std::size_t bytes) {
  if (bytes != 0) stream_.copy(dst, src, bytes);
}

void CudaBackend::fill_zero(void* data, std::size_t bytes) {
  if (bytes != 0) stream_.fill(data, 0, bytes);
}

std::unique_ptr<RecordedWork> CudaBackend::record(const std::function<void()>& work) {
  cuda::Capture capture(stream_, allocator_);
  const cuda::CudnnConvolutions::PlanUse plans(*convolutions_);
  work();
  return capture.finish(plans.used());
}

}  // namespace frost
