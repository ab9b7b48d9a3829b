#pragma once

#include <cstddef>
#include <utility>

#include "kernels/backend.h"

namespace frost {

/// Owns device memory that a backend keeps for itself, counted under a tag.
class TrackedBuffer {
 public:
  TrackedBuffer() = default;
  TrackedBuffer(Backend& backend, MemoryTag tag, std::size_t bytes)
      : backend_(&backend), tag_(tag), bytes_(bytes), data_(backend.allocate(bytes)) {
    backend_->ledger().add(tag_, bytes_);
  }
  TrackedBuffer(TrackedBuffer&& other) noexcept { swap(other); }
  TrackedBuffer& operator=(TrackedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~TrackedBuffer() {
    if (data_ == nullptr) return;
    backend_->ledger().remove(tag_, bytes_);
    backend_->release(data_);
  }

  float* floats() const { return as<float>(); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(TrackedBuffer& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(tag_, other.tag_);
    std::swap(bytes_, other.bytes_);
    std::swap(data_, other.data_);
  }

  Backend* backend_ = nullptr;
  MemoryTag tag_ = MemoryTag::kWorkspace;
  std::size_t bytes_ = 0;
  void* data_ = nullptr;
};

/// Scratch memory of a kernel.
inline TrackedBuffer workspace(Backend& backend, std::int64_t floats) {
  return {backend, MemoryTag::kWorkspace, static_cast<std::size_t>(floats) * sizeof(float)};
}

}  // namespace frost
