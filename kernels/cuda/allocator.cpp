#include "kernels/cuda/allocator.h"

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/diagnosis.h"
#include "kernels/status.h"

namespace frost::cuda {

Allocator::Allocator(int device, cudaStream_t stream, const MemoryLedger& ledger)
    : stream_(stream), ledger_(ledger) {
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  FROST_CUDA(cudaMemPoolCreate(&pool_, &properties));
  std::uint64_t keep_all = UINT64_MAX;
  FROST_CUDA(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep_all));
}

Allocator::~Allocator() {
  FROST_CUDA_NOTHROW(cudaMemPoolDestroy(pool_));
}

void* Allocator::allocate(std::size_t bytes) {
  void* data = nullptr;
  const std::size_t asked = std::max<std::size_t>(bytes, 1);
  cudaError_t status = cudaMallocFromPoolAsync(&data, asked, pool_, stream_);
  if (status == cudaErrorMemoryAllocation) {
    // Blocks released out of order may leave the pool in pieces: finish the work, hand the unused
    // pieces back to the driver, ask once more.
    static_cast<void>(cudaGetLastError());
    FROST_CUDA(cudaStreamSynchronize(stream_));
    FROST_CUDA(cudaMemPoolTrimTo(pool_, 0));
    status = cudaMallocFromPoolAsync(&data, asked, pool_, stream_);
  }
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    std::size_t free_bytes = 0, total_bytes = 0;
    FROST_CUDA(cudaMemGetInfo(&free_bytes, &total_bytes));
    throw Error(out_of_memory_text(asked, free_bytes, total_bytes, ledger_.snapshot()));
  }
  FROST_CUDA(status);
  return data;
}

void Allocator::release(void* data) noexcept {
  if (data != nullptr) FROST_CUDA_NOTHROW(cudaFreeAsync(data, stream_));
}

}  // namespace frost::cuda
