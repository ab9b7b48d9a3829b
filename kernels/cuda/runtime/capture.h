#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/runtime/allocator.h"

namespace frost::cuda {

/// From its making to `finish`, what is enqueued on the stream goes into a CUDA graph instead of
/// being run, and memory comes from the allocator's recording heap.
///
/// Relaxed mode: the heap may grow meanwhile, by calls that other modes forbid. Libraries must not
/// plan anew (`require_no_capture`), and copies from or to the host fail.
class Capture {
 public:
  Capture(cudaStream_t stream, Allocator& allocator);
  /// Drops what was captured if it was not finished.
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// `kept` lives as long as the work that is returned: what its kernels belong to.
  std::unique_ptr<RecordedWork> finish(std::vector<std::shared_ptr<const void>> kept);

 private:
  cudaStream_t stream_;
  Allocator& allocator_;
  Allocator::Recording memory_;
  bool capturing_ = false;
};

}  // namespace frost::cuda
