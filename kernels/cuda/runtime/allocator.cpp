#include "kernels/cuda/runtime/allocator.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "kernels/cuda/runtime/cuda_check.h"
#include "kernels/cuda/runtime/diagnosis.h"
#include "kernels/errors.h"

namespace frost::cuda {
namespace {

bool asked_to_poison() {
  const char* const value = std::getenv("FROST_POISON_IDLE_MEMORY");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace

Allocator::Allocator(int device, Stream& stream, MemoryLedger& ledger)
    : stream_(stream),
      ledger_(ledger),
      heap_([this](std::size_t bytes) { return take_for_heap(bytes); },
            [](void* data) { FROST_CUDA_NOTHROW(cudaFree(data)); }),
      poisons_(asked_to_poison()) {
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
  if (!recording_) return take_from_pool(bytes);
  void* const data = heap_.allocate(std::max<std::size_t>(bytes, 1));
  count_heap();
  return data;
}

void* Allocator::take_from_pool(std::size_t bytes) {
  void* data = nullptr;
  const std::size_t asked = std::max<std::size_t>(bytes, 1);
  cudaError_t status = cudaMallocFromPoolAsync(&data, asked, pool_, stream_.raw());
  if (status == cudaErrorMemoryAllocation) {
    // Blocks released out of order may leave the pool in pieces: finish the work, hand the unused
    // pieces back to the driver, ask once more.
    static_cast<void>(cudaGetLastError());
    stream_.wait();
    FROST_CUDA(cudaMemPoolTrimTo(pool_, 0));
    status = cudaMallocFromPoolAsync(&data, asked, pool_, stream_.raw());
  }
  if (status == cudaErrorMemoryAllocation) throw_out_of_memory(asked);
  FROST_CUDA(status);
  stream_.count_allocation();
  return data;
}

void* Allocator::take_for_heap(std::size_t bytes) {
  void* data = nullptr;
  cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    // The pool may hold what eager work has freed. A capture allows no waiting here.
    static_cast<void>(cudaGetLastError());
    FROST_CUDA(cudaMemPoolTrimTo(pool_, 0));
    status = cudaMalloc(&data, bytes);
  }
  if (status == cudaErrorMemoryAllocation) throw_out_of_memory(bytes);
  FROST_CUDA(status);
  return data;
}

void Allocator::throw_out_of_memory(std::size_t asked) const {
  static_cast<void>(cudaGetLastError());
  std::size_t free_bytes = 0, total_bytes = 0;
  FROST_CUDA(cudaMemGetInfo(&free_bytes, &total_bytes));
  throw out_of_device_memory(asked, free_bytes, total_bytes, ledger_.snapshot());
}

void Allocator::release(void* data) noexcept {
  if (data == nullptr) return;
  if (!heap_.release(data)) {
    if (recording_) return released_.push_back(data);
    FROST_CUDA_NOTHROW(cudaFreeAsync(data, stream_.raw()));
    return;
  }
  if (!recording_) heap_.trim();
  count_heap();
}

void Allocator::count_heap() {
  ledger_.remove(MemoryTag::kWorkspace, counted_);
  counted_ = heap_.idle_bytes();
  ledger_.add(MemoryTag::kWorkspace, counted_);
}

void Allocator::poison_idle_heap(const std::unordered_set<const void*>& held) {
  if (!poisons_) return;
  heap_.for_each_idle([&](void* data, std::size_t bytes) {
    if (!held.contains(data)) stream_.fill(data, 0xFF, bytes);
  });
}

Allocator::Recording::Recording(Allocator& allocator)
    : allocator_(allocator), held_before_(allocator.heap_.in_use()) {
  allocator_.recording_ = true;
}

Allocator::Recording::~Recording() {
  allocator_.recording_ = false;
  for (void* const data : std::exchange(allocator_.released_, {})) allocator_.release(data);
}

}  // namespace frost::cuda
