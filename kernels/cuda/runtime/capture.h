#pragma once

#include <memory>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/runtime/allocator.h"
#include "kernels/cuda/runtime/stream.h"

namespace frost::cuda {

/// From its making to `finish`, what is enqueued on the stream goes into a CUDA graph instead of
/// being run, and memory comes from the allocator's recording heap.
///
/// Libraries must not plan anew (`require_no_capture`), and copies from or to the host fail. What
/// was captured is dropped if it was not finished.
class Capture {
 public:
  Capture(Stream& stream, Allocator& allocator);
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// `kept` lives as long as the work that is returned: what its kernels belong to.
  std::unique_ptr<RecordedWork> finish(std::vector<std::shared_ptr<const void>> kept);

 private:
  Stream& stream_;
  Allocator& allocator_;
  Allocator::Recording memory_;
  Stream::Recording recording_;
};

}  // namespace frost::cuda
