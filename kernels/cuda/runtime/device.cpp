#include "kernels/cuda/runtime/device.h"

#include <cuda_runtime_api.h>

namespace frost::cuda {

DeviceProbe probe_device() {
  DeviceProbe probe;
  const auto ask = [&](cudaError_t status) {
    if (status == cudaSuccess) return true;
    if (probe.error.empty()) probe.error = cudaGetErrorString(status);
    static_cast<void>(cudaGetLastError());
    return false;
  };
  probe.runtime_version = CUDART_VERSION;
  if (!ask(cudaDriverGetVersion(&probe.driver_version)) || probe.driver_version == 0) return probe;
  if (!ask(cudaGetDeviceCount(&probe.devices)) || probe.devices == 0) {
    probe.devices = 0;
    return probe;
  }
  cudaDeviceProp properties = {};
  int pools = 0;
  if (!ask(cudaSetDevice(0)) || !ask(cudaGetDeviceProperties(&properties, 0)) ||
      !ask(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, 0)) ||
      !ask(cudaMemGetInfo(&probe.free_bytes, &probe.total_bytes))) {
    return probe;
  }
  probe.name = properties.name;
  probe.major = properties.major;
  probe.minor = properties.minor;
  probe.has_pools = pools != 0;
  probe.has_kernels = has_kernels_for_device();
  return probe;
}

}  // namespace frost::cuda
