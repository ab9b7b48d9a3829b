#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "kernels/backend.h"
#include "kernels/cuda/runtime/cuda_check.h"
#include "kernels/cuda/runtime/scratch.h"

// How the kernels of this folder are launched: a function per element, per warp or per block, and
// sums whose order depends on sizes alone.
namespace frost::cuda {

inline constexpr int kWarpSize = 32;
inline constexpr int kBlockSize = 256;

template <class Fn>
__global__ void __launch_bounds__(kBlockSize) element_kernel(std::int64_t n, Fn fn) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kBlockSize + threadIdx.x;
  if (i < n) fn(i);
}

template <class Fn>
__global__ void __launch_bounds__(kBlockSize) warp_kernel(std::int64_t n, Fn fn) {
  const std::int64_t i = (std::int64_t{blockIdx.x} * kBlockSize + threadIdx.x) / kWarpSize;
  if (i < n) fn(i, static_cast<int>(threadIdx.x % kWarpSize));
}

template <class Fn>
__global__ void __launch_bounds__(kBlockSize) block_kernel(Fn fn) {
  fn(std::int64_t{blockIdx.x}, static_cast<int>(threadIdx.x));
}

inline unsigned blocks_for(std::int64_t threads) {
  return static_cast<unsigned>((threads + kBlockSize - 1) / kBlockSize);
}

/// Starts `kernel` with blocks of kBlockSize threads: every launch goes through here. `traffic` is
/// what the kernel declares to move.
template <class... Parameters, class... Arguments>
void launch(Stream& stream, Traffic traffic, dim3 grid, void (*kernel)(Parameters...),
            Arguments&&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(kBlockSize);
  config.stream = stream.raw();
  FROST_CUDA(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
  stream.count_kernel(traffic);
}

/// fn(i) for i in [0, n), one thread each.
template <class Fn>
void for_each(Stream& stream, std::int64_t n, Traffic traffic, Fn fn) {
  if (n <= 0) return;
  launch(stream, traffic, blocks_for(n), element_kernel<Fn>, n, fn);
}

/// fn(i, lane) for i in [0, n), one whole warp each.
template <class Fn>
void for_each_warp(Stream& stream, std::int64_t n, Traffic traffic, Fn fn) {
  if (n <= 0) return;
  launch(stream, traffic, blocks_for(n * kWarpSize), warp_kernel<Fn>, n, fn);
}

/// fn(i, thread) for i in [0, n), one block of kBlockSize threads each.
template <class Fn>
void for_each_block(Stream& stream, std::int64_t n, Traffic traffic, Fn fn) {
  if (n <= 0) return;
  launch(stream, traffic, static_cast<unsigned>(n), block_kernel<Fn>, fn);
}

/// What a sum that continues in place starts from. A pointer, because memory that is to be
/// overwritten may never have been written: it is not read.
__device__ inline float start_of(GradMode mode, const float* there) {
  return mode == GradMode::kAccumulate ? *there : 0.0f;
}

/// The sum over the warp, on every lane. All lanes must call.
template <class T>
__device__ T warp_sum(T value) {
  for (int step = kWarpSize / 2; step > 0; step /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, step);
  }
  return value;
}

__device__ inline float warp_max(float value) {
  for (int step = kWarpSize / 2; step > 0; step /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
  }
  return value;
}

/// The sum over a block of kBlockSize threads, on every thread. All threads must call.
__device__ inline double block_sum(double value) {
  __shared__ double warps[kBlockSize / kWarpSize];
  value = warp_sum(value);
  __syncthreads();  // the sums of an earlier call have been read
  if (threadIdx.x % kWarpSize == 0) warps[threadIdx.x / kWarpSize] = value;
  __syncthreads();
  double total = 0;
  for (const double w : warps) total += w;
  return total;
}

inline constexpr int kTileRows = kBlockSize / kWarpSize;

/// The block's own. Shared memory lies in functions that are no templates, where the tests can find
/// and poison it (docs/gpu-double.md).
struct ColumnTile {
  double sums[kTileRows][kWarpSize];
};
__device__ inline ColumnTile& column_tile() {
  __shared__ ColumnTile tile;
  return tile;
}

/// partial[chunk, c] = sum of value(r, c) over the rows of the chunk; a block takes 32 columns of
/// one chunk.
template <class Value>
__global__ void __launch_bounds__(kBlockSize)
    column_partial_kernel(std::int64_t rows, std::int64_t cols, std::int64_t chunk_rows,
                          Value value, double* partial) {
  auto& tile = column_tile().sums;
  const int x = static_cast<int>(threadIdx.x % kWarpSize);
  const int y = static_cast<int>(threadIdx.x / kWarpSize);
  const std::int64_t c = std::int64_t{blockIdx.x} * kWarpSize + x;
  const std::int64_t begin = std::int64_t{blockIdx.y} * chunk_rows;
  const std::int64_t end = begin + chunk_rows < rows ? begin + chunk_rows : rows;
  double sum = 0;
  if (c < cols) {
    for (std::int64_t r = begin + y; r < end; r += kTileRows) sum += value(r, c);
  }
  tile[y][x] = sum;
  __syncthreads();
  if (y != 0 || c >= cols) return;
  double total = 0;
  for (int i = 0; i < kTileRows; ++i) total += tile[i][x];
  partial[std::int64_t{blockIdx.y} * cols + c] = total;
}

/// out[c] (=|+=) sum over rows of value(r, c), in double; `traffic`: what the values are made of.
template <class Value>
void reduce_columns(CudaBackend& backend, std::int64_t rows, std::int64_t cols, Traffic traffic,
                    Value value, GradOut out) {
  if (cols <= 0) return;
  constexpr std::int64_t kLeastRows = 64, kMostChunks = 256;
  std::int64_t chunk_rows = (rows + kMostChunks - 1) / kMostChunks;
  if (chunk_rows < kLeastRows) chunk_rows = kLeastRows;
  const std::int64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
  const Scratch scratch(backend, static_cast<std::size_t>(chunks * cols) * sizeof(double));
  auto* partial = scratch.data<double>();
  Stream& stream = backend.stream();
  if (chunks > 0) {
    const dim3 grid(static_cast<unsigned>((cols + kWarpSize - 1) / kWarpSize),
                    static_cast<unsigned>(chunks));
    launch(stream, traffic + writes<double>(chunks * cols), grid, column_partial_kernel<Value>,
           rows, cols, chunk_rows, value, partial);
  }
  const Traffic sums = reads<double>(chunks * cols) + stores(cols, out);
  for_each(stream, cols, sums, [=] __device__(std::int64_t c) {
    double total = 0;
    for (std::int64_t i = 0; i < chunks; ++i) total += partial[i * cols + c];
    store(static_cast<float>(total), out.mode, out.data[c]);
  });
}

}  // namespace frost::cuda
