#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <unordered_set>
#include <vector>

#include "kernels/cuda/runtime/recording_heap.h"
#include "kernels/cuda/runtime/stream.h"
#include "kernels/memory_ledger.h"

namespace frost::cuda {

/// Device memory from a pool of this backend, ordered by one stream: a block may be handed out
/// again as soon as the work enqueued before its release is done.
///
/// The pool keeps what it once had (no native allocation in steady state) and gives it back only
/// when an allocation fails.
class Allocator {
 public:
  /// Stream and ledger must outlive the allocator.
  Allocator(int device, Stream& stream, MemoryLedger& ledger);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// At least 256-byte aligned, never null. Throws Error with the memory table when full.
  void* allocate(std::size_t bytes);
  /// While recording, a block that was there before goes back when the recording ends: a capture
  /// takes frees of memory that it allocated itself, no others.
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
    /// Blocks of the heap that held something when the recording began: what it may read without
    /// having written it.
    const std::unordered_set<const void*>& held_before() const { return held_before_; }

   private:
    Allocator& allocator_;
    std::unordered_set<const void*> held_before_;
  };

  /// With FROST_POISON_IDLE_MEMORY=1 in the environment: fills every idle block of the heap that is
  /// not in `held` with 0xFF (NaN), on the stream. Before a replay this shows work that reads what
  /// it has not written, and what only an earlier replay had left there.
  void poison_idle_heap(const std::unordered_set<const void*>& held);

 private:
  void* take_from_pool(std::size_t bytes);
  void* take_for_heap(std::size_t bytes);
  [[noreturn]] void throw_out_of_memory(std::size_t asked) const;
  void count_heap();

  Stream& stream_;
  MemoryLedger& ledger_;
  cudaMemPool_t pool_ = nullptr;
  RecordingHeap heap_;
  bool recording_ = false;
  std::vector<void*> released_;  ///< while recording, blocks of the pool
  std::size_t counted_ = 0;      ///< idle bytes of the heap in the ledger
  bool poisons_;
};

}  // namespace frost::cuda
