#pragma once

// Included before everything else where g++ compiles a .cu file: CUDA's words as C++, executed by
// fibers.h. Device code is then what its words say, one thread after the other.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>

#include "tests/gpu_double/fibers.h"
#include "tests/gpu_double/stream.h"

#undef __host__
#undef __device__
#undef __global__
#undef __shared__
#undef __launch_bounds__
#define __host__
#define __device__
#define __global__
#define __launch_bounds__(...)
/// One block runs at a time, so a variable of the block is one of the process, in a section of its
/// own, which each block finds filled with 0xFF. Not for templates: g++ gives their variables none.
#define __shared__ FROST_SHARED(__LINE__)
#define FROST_SHARED(line) FROST_SHARED_AT(line)
#define FROST_SHARED_AT(line)                                                                \
  extern char __start_frost_shared_##line[] __attribute__((weak, visibility("hidden")));     \
  extern char __stop_frost_shared_##line[] __attribute__((weak, visibility("hidden")));      \
  [[maybe_unused]] static const bool shared_##line = ::frost::gpu_double::add_shared_memory( \
      __start_frost_shared_##line, __stop_frost_shared_##line);                              \
  static __attribute__((section("frost_shared_" #line)))
#define threadIdx (::frost::gpu_double::thread_index)
#define blockIdx (::frost::gpu_double::block_index)

using std::isnan;

inline void __syncthreads() {
  ::frost::gpu_double::barrier();
}

inline void __syncwarp(unsigned mask = 0xFFFFFFFFU) {
  ::frost::gpu_double::exchange(::frost::gpu_double::Collective::kSync, mask, 0, 0);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = ::frost::gpu_double::exchange(::frost::gpu_double::Collective::kShuffleXor, mask, bits,
                                       lanes);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned __ballot_sync(unsigned mask, bool vote) {
  return static_cast<unsigned>(::frost::gpu_double::exchange(
      ::frost::gpu_double::Collective::kBallot, mask, vote ? 1 : 0, 0));
}

namespace frost::gpu_double {

/// cudaLaunchKernelEx; the work holds the arguments by value, as a launch does.
template <class... Parameters, class... Arguments>
cudaError_t launch(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                   Arguments&&... arguments) {
  return enqueue_computation(config->stream, [=, grid = config->gridDim, block = config->blockDim] {
    run_grid(grid, block, [&] { kernel(static_cast<Parameters>(arguments)...); });
  });
}

}  // namespace frost::gpu_double
#define cudaLaunchKernelEx ::frost::gpu_double::launch

template <class Result, class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes,
                                  Result (*function)(Parameters...)) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(function));
}
