#pragma once

#include <cstddef>
#include <optional>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/tracked_buffer.h"

namespace frost::cuda {

/// Memory of one kernel call: a piece of the workspace, which is counted already and never moves,
/// or a block of its own where that is too small. Not to be held while a library is called, which
/// may want the whole workspace.
class Scratch {
 public:
  Scratch(CudaBackend& backend, std::size_t bytes) : scope_(backend.arena()) {
    if (bytes + Arena::kAlignment <= backend.arena().left()) {
      data_ = backend.arena().take(bytes);
    } else {
      data_ = own_.emplace(backend, MemoryTag::kWorkspace, bytes).data();
    }
  }

  template <class T>
  T* data() const {
    return static_cast<T*>(data_);
  }

 private:
  Arena::Scope scope_;
  std::optional<TrackedBuffer> own_;
  void* data_ = nullptr;
};

}  // namespace frost::cuda
