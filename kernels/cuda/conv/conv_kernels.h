#pragma once

#include "kernels/cuda/runtime/stream.h"
#include "kernels/families/convolution.h"

namespace frost::cuda {

/// columns[pixel of y, (ky, kx, c)] = what the tap meets in x, 0 in the padding.
void unroll_images(Stream& stream, const Conv2dShape& shape, const float* x, float* columns);
/// The adjoint of `unroll_images`, every input pixel gathering the taps that met it.
void roll_images(Stream& stream, const Conv2dShape& shape, const float* columns, float* dx);
/// y = relu(sums + bias + residual) over [pixels, k]; `sums` are floats, possibly y itself, or
/// bfloat16 bits; bias and residual are nullable.
template <class T>
void conv_epilogue(Stream& stream, std::int64_t pixels, std::int64_t k, const T* sums,
                   const float* bias, const float* residual, bool relu, float* y);

}  // namespace frost::cuda
