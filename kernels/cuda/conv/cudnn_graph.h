#pragma once

#include <cudnn.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/cuda/runtime/cuda_check.h"

// A thin ownership layer over cuDNN's graph back end (cudnnBackend*): descriptors are created,
// filled and finalized; what they mean is the caller's business.
namespace frost::cuda {

/// "CUDNN_STATUS_NOT_SUPPORTED: <what cuDNN says of its last failure>"
std::string cudnn_failure(cudnnStatus_t status);
/// Whether the failure says that no such kernel exists, as opposed to a wrong call or a broken
/// installation.
bool is_unsupported(cudnnStatus_t status);

/// Owns one backend descriptor.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }

  cudnnBackendDescriptor_t raw() const { return raw_; }

  Descriptor& set(cudnnBackendAttributeName_t name, std::int64_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values);
  Descriptor& set(cudnnBackendAttributeName_t name, std::string_view value);
  Descriptor& set(cudnnBackendAttributeName_t name, bool value);
  Descriptor& set(cudnnBackendAttributeName_t name, float value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnConvolutionMode_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnHandle_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value);
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const Descriptor* const> values);
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<void* const> values);

  std::int64_t get_int64(cudnnBackendAttributeName_t name) const;

  cudnnStatus_t try_finalize();
  /// Throws Error where cuDNN rejects the descriptor.
  void finalize();

 private:
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                      std::int64_t count, const void* values);

  cudnnBackendDescriptor_t raw_ = nullptr;
};

using Dims = std::array<std::int64_t, 4>;

/// A finalized tensor descriptor. `dims` are in cuDNN's order n,c,h,w (or k,c,kh,kw) and channels
/// are innermost in memory. A virtual tensor exists only inside its graph.
Descriptor channels_last_tensor(std::int64_t uid, const Dims& dims, cudnnDataType_t type,
                                std::int64_t alignment, bool is_virtual);
/// Strides in elements of a dense tensor whose second dimension is innermost.
Dims channels_last_strides(const Dims& dims);

}  // namespace frost::cuda

/// Throws Error where a cuDNN call fails.
#define FROST_CUDNN(call)                                                                     \
  do {                                                                                        \
    const cudnnStatus_t frost_status = (call);                                                \
    if (frost_status != CUDNN_STATUS_SUCCESS) {                                               \
      ::frost::cuda::throw_failure(#call, ::frost::cuda::cudnn_failure(frost_status).c_str(), \
                                   __FILE__, __LINE__);                                       \
    }                                                                                         \
  } while (false)
