#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/stream.h"

namespace frost::gpu_double {

/// A block of device memory for a test, given back when the work that uses it has run.
class DeviceBlock {
 public:
  explicit DeviceBlock(std::size_t bytes) : data_(take(bytes, MemoryKind::kDevice)) {}
  template <class T>
  explicit DeviceBlock(const std::vector<T>& values) : DeviceBlock(values.size() * sizeof(T)) {
    std::memcpy(data_, values.data(), values.size() * sizeof(T));
  }
  ~DeviceBlock() {
    finish_work();
    drop(data_, MemoryKind::kDevice);
  }
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;

  template <class T = std::byte>
  T* data() const {
    return static_cast<T*>(data_);
  }
  std::vector<float> floats(std::size_t count) const {
    finish_work();
    std::vector<float> values(count);
    std::memcpy(values.data(), data_, count * sizeof(float));
    return values;
  }

 private:
  void* data_;
};

}  // namespace frost::gpu_double
