#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost {

using cuda::for_each;

void CudaBackend::copy_rows(std::int64_t rows, std::int64_t cols, const float* src,
                            std::int64_t src_stride, GradOut dst, std::int64_t dst_stride) {
  for_each(stream_, rows * cols, [=] __device__(std::int64_t i) {
    const std::int64_t r = i / cols, c = i % cols;
    store(src[r * src_stride + c], dst.mode, dst.data[r * dst_stride + c]);
  });
}

void CudaBackend::gather_rows(std::int64_t rows, std::int64_t cols, const std::int32_t* index,
                              const float* src, float* dst) {
  for_each(stream_, rows * cols,
           [=] __device__(std::int64_t i) { dst[i] = src[index[i / cols] * cols + i % cols]; });
}

void CudaBackend::segment_sum(std::int64_t segments, std::int64_t cols, const std::int32_t* offsets,
                              const float* src, GradOut dst) {
  for_each(stream_, segments * cols, [=] __device__(std::int64_t i) {
    const std::int64_t s = i / cols, c = i % cols;
    float sum = cuda::start_of(dst.mode, dst.data[i]);
    for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) sum += src[r * cols + c];
    dst.data[i] = sum;
  });
}

void CudaBackend::column_sum(std::int64_t rows, std::int64_t cols, const float* x, GradOut out) {
  cuda::reduce_columns(
      *this, rows, cols,
      [=] __device__(std::int64_t r, std::int64_t c) {
        return static_cast<double>(x[r * cols + c]);
      },
      out);
}

void CudaBackend::add_bias(std::int64_t rows, std::int64_t cols, const float* bias, float* x) {
  for_each(stream_, rows * cols, [=] __device__(std::int64_t i) { x[i] += bias[i % cols]; });
}

}  // namespace frost
