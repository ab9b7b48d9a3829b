#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>

#include "kernels/cuda/runtime/recording_heap.h"
#include "kernels/memory_ledger.h"

namespace frost::cuda {

/// Device memory from a pool of this backend, ordered by one stream: a block may be handed out
/// again as soon as the work enqueued before its release is done.
///
/// The pool keeps what it once had (no native allocation in steady state) and gives it back only
/// when an allocation fails.
class Allocator {
 public:
  /// `ledger` must outlive the allocator.
  Allocator(int device, cudaStream_t stream, MemoryLedger& ledger);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// At least 256-byte aligned, never null. Throws Error with the memory table when full.
  void* allocate(std::size_t bytes);
  void release(void* data) noexcept;

  /// While alive, blocks come from a heap whose addresses stay valid for recorded work.
  ///
  /// The ledger counts what is idle in the heap as workspace.
  class Recording {
   public:
    explicit Recording(Allocator& allocator);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    /// Keeps the heap's addresses valid while a copy of it lives.
    std::shared_ptr<const void> hold() const { return allocator_.heap_.hold(); }

   private:
    Allocator& allocator_;
  };

 private:
  void* take_from_pool(std::size_t bytes);
  void* take_for_heap(std::size_t bytes);
  [[noreturn]] void throw_out_of_memory(std::size_t asked) const;
  void count_heap();

  cudaStream_t stream_;
  MemoryLedger& ledger_;
  cudaMemPool_t pool_ = nullptr;
  RecordingHeap heap_;
  bool recording_ = false;
  std::size_t counted_ = 0;  ///< idle bytes of the heap in the ledger
};

}  // namespace frost::cuda
