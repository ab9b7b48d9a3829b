#include <cuda_runtime.h>

#include "kernels/cuda/runtime/device.h"

namespace frost::cuda {
namespace {

__global__ void any_kernel() {}

}  // namespace

bool has_kernels_for_device() {
  cudaFuncAttributes attributes;
  const bool found = cudaFuncGetAttributes(&attributes, any_kernel) == cudaSuccess;
  static_cast<void>(cudaGetLastError());
  return found;
}

}  // namespace frost::cuda
