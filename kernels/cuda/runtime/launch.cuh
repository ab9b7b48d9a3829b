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
  config.stream = stream.ready();
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

/// The block's own. Shared memory lies in functions that are no templates, where the tests can find
/// and poison it (docs/gpu-double.md).
struct ColumnTile {
  double sums[kBlockSize];
};
__device__ inline ColumnTile& column_tile() {
  __shared__ ColumnTile tile;
  return tile;
}

/// The sum of what the threads with this `x` hold, for the thread whose `y` is 0: a block is
/// kBlockSize / width rows y of `width` columns x. All threads must call.
__device__ inline double sum_of_column(int x, int y, int width, double sum) {
  auto& tile = column_tile().sums;
  __syncthreads();  // the sums of an earlier call have been read
  tile[y * width + x] = sum;
  __syncthreads();
  double total = 0;
  if (y == 0) {
    for (int i = x; i < kBlockSize; i += width) total += tile[i];
  }
  return total;
}

/// What a row adds to the sums of a column, of which there are N.
template <int N>
struct ColumnTerms {
  double of[N] = {};
};
template <int N>
struct ColumnOuts {
  GradOut of[N];
};

/// The sums of column `c` over the rows begin, begin + step, ... before `end`.
template <int N, class Value>
__device__ ColumnTerms<N> sum_rows(std::int64_t begin, std::int64_t end, int step, std::int64_t c,
                                   const Value& value) {
  ColumnTerms<N> sum;
  for (std::int64_t r = begin; r < end; r += step) {
    const ColumnTerms<N> terms = value(r, c);
    for (int k = 0; k < N; ++k) sum.of[k] += terms.of[k];
  }
  return sum;
}

/// partial[chunk, k, c] = the sums over the rows of the chunk; a block takes 32 columns of one
/// chunk.
template <int N, class Value>
__global__ void __launch_bounds__(kBlockSize)
    column_partial_kernel(std::int64_t rows, std::int64_t cols, std::int64_t chunk_rows,
                          Value value, double* partial) {
  const int x = static_cast<int>(threadIdx.x % kWarpSize);
  const int y = static_cast<int>(threadIdx.x / kWarpSize);
  const std::int64_t c = std::int64_t{blockIdx.x} * kWarpSize + x;
  const std::int64_t begin = std::int64_t{blockIdx.y} * chunk_rows;
  const std::int64_t end = begin + chunk_rows < rows ? begin + chunk_rows : rows;
  ColumnTerms<N> sum;
  if (c < cols) sum = sum_rows<N>(begin + y, end, kBlockSize / kWarpSize, c, value);
  for (int k = 0; k < N; ++k) {
    const double total = sum_of_column(x, y, kWarpSize, sum.of[k]);
    if (y == 0 && c < cols) partial[(std::int64_t{blockIdx.y} * N + k) * cols + c] = total;
  }
}

/// Columns of a block that has all rows: whole sectors of memory, and many blocks.
inline constexpr int kNarrowTile = 8;

template <int N, class Value>
__global__ void __launch_bounds__(kBlockSize)
    column_kernel(std::int64_t rows, std::int64_t cols, Value value, ColumnOuts<N> outs) {
  const int x = static_cast<int>(threadIdx.x % kNarrowTile);
  const int y = static_cast<int>(threadIdx.x / kNarrowTile);
  const std::int64_t c = std::int64_t{blockIdx.x} * kNarrowTile + x;
  ColumnTerms<N> sum;
  if (c < cols) sum = sum_rows<N>(y, rows, kBlockSize / kNarrowTile, c, value);
  for (int k = 0; k < N; ++k) {
    const double total = sum_of_column(x, y, kNarrowTile, sum.of[k]);
    const GradOut out = outs.of[k];
    if (y == 0 && c < cols && out.mode != GradMode::kIgnore) {
      store(static_cast<float>(total), out.mode, out.data[c]);
    }
  }
}

/// outs.of[k][c] (=|+=) sum over rows of value(r, c).of[k], in double; `traffic`: what the values
/// are made of. One launch for the rows of a minibatch, two for the pixels of its maps.
template <int N, class Value>
void reduce_columns(CudaBackend& backend, std::int64_t rows, std::int64_t cols, Traffic traffic,
                    Value value, const ColumnOuts<N>& outs) {
  if (cols <= 0) return;
  Traffic stored;
  for (const GradOut out : outs.of) stored = stored + stores(cols, out);
  Stream& stream = backend.stream();
  constexpr std::int64_t kMostOfOneBlock = 2048;
  if (rows <= kMostOfOneBlock) {
    const dim3 grid(static_cast<unsigned>((cols + kNarrowTile - 1) / kNarrowTile));
    return launch(stream, traffic + stored, grid, column_kernel<N, Value>, rows, cols, value, outs);
  }
  constexpr std::int64_t kLeastRows = 64, kMostChunks = 256;
  std::int64_t chunk_rows = (rows + kMostChunks - 1) / kMostChunks;
  if (chunk_rows < kLeastRows) chunk_rows = kLeastRows;
  const std::int64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
  const Scratch scratch(backend, static_cast<std::size_t>(chunks * N * cols) * sizeof(double));
  auto* partial = scratch.data<double>();
  const dim3 grid(static_cast<unsigned>((cols + kWarpSize - 1) / kWarpSize),
                  static_cast<unsigned>(chunks));
  launch(stream, traffic + writes<double>(chunks * N * cols), grid, column_partial_kernel<N, Value>,
         rows, cols, chunk_rows, value, partial);
  const Traffic sums = reads<double>(chunks * N * cols) + stored;
  for_each(stream, N * cols, sums, [=] __device__(std::int64_t i) {
    const GradOut out = outs.of[i / cols];
    if (out.mode == GradMode::kIgnore) return;
    double total = 0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) total += partial[chunk * N * cols + i];
    store(static_cast<float>(total), out.mode, out.data[i % cols]);
  });
}

}  // namespace frost::cuda
