#include "kernels/cuda/rounded_matrix.h"

#include "kernels/bfloat16.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

void round_rows(Stream& stream, std::int64_t rows, std::int64_t cols, const float* x,
                std::int64_t x_stride, std::uint16_t* y, std::int64_t y_stride) {
  const std::int64_t n = rows * cols;
  for_each(stream, n, reads(n) + writes<std::uint16_t>(n), [=] __device__(std::int64_t i) {
    const std::int64_t r = i / cols, c = i % cols;
    y[r * y_stride + c] = round_to_bfloat16(x[r * x_stride + c]);
  });
}

}  // namespace

RoundedMatrix::RoundedMatrix(CudaBackend& backend, std::int64_t rows, std::int64_t cols,
                             const float* x, std::int64_t stride)
    : stride_(padded(cols)), buffer_(backend, MemoryTag::kWorkspace, bytes(rows, cols)) {
  round_rows(backend.stream(), rows, cols, x, stride, buffer_.as<std::uint16_t>(), stride_);
}

void widen(Stream& stream, std::int64_t n, const std::uint16_t* x, float* y) {
  for_each(stream, n, reads<std::uint16_t>(n) + writes(n),
           [=] __device__(std::int64_t i) { y[i] = bfloat16_to_float(x[i]); });
}

}  // namespace frost::cuda
