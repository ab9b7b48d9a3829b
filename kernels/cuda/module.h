#pragma once

#include <cstddef>

#include "kernels/backend.h"

// The one door between the programs and libfrost_cuda.so. Needs no CUDA header.
namespace frost {

/// A digest of kernels/backend.h and all it includes: program and module must agree on the tables
/// of virtuals.
#ifdef FROST_INTERFACE_DIGEST
inline constexpr const char* kInterfaceDigest = FROST_INTERFACE_DIGEST;
#else
inline constexpr const char* kInterfaceDigest = "";
#endif

/// What the module offers. Texts are cut to `size` bytes, the end mark included.
struct CudaModule {
  const char* interface_digest;
  /// A backend on the first visible GPU that has passed a trial run, or null and the cause.
  Backend* (*create)(char* reason, std::size_t size);
};

inline constexpr const char* kCudaModuleFile = "libfrost_cuda.so";
inline constexpr const char* kCudaModuleEntry = "frost_cuda_module";
using CudaModuleEntry = const CudaModule* (*)();

}  // namespace frost
