#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/memory.h"

namespace frost::cuda {

/// Device memory from a pool of this backend, ordered by one stream: a block may be handed out
/// again as soon as the work enqueued before its release is done.
///
/// The pool keeps what it once had (no native allocation in steady state) and gives it back only
/// when an allocation fails.
class Allocator {
 public:
  /// `ledger` is read when memory runs out; it must outlive the allocator.
  Allocator(int device, cudaStream_t stream, const MemoryLedger& ledger);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// At least 256-byte aligned, never null. Throws Error with the memory table when full.
  void* allocate(std::size_t bytes);
  void release(void* data) noexcept;

 private:
  cudaStream_t stream_;
  const MemoryLedger& ledger_;
  cudaMemPool_t pool_ = nullptr;
};

}  // namespace frost::cuda
