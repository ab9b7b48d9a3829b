#pragma once

#include <cstdint>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/round_up.h"
#include "kernels/tracked_buffer.h"

namespace frost::cuda {

/// A float32 matrix rounded to bfloat16 (kernels/bfloat16.h), for one call of a library.
///
/// Lies in a block of its own, not in the workspace, which the library may want whole. Weights are
/// rounded at every call too: a copy kept by weight would be stale whenever a captured graph, which
/// repeats kernels but no decisions of the host, follows an optimizer step.
class RoundedMatrix {
 public:
  /// Tensor cores read 16 bytes at a time: rows begin at multiples of that.
  static constexpr std::int64_t kRowMultiple = 8;

  /// What such a matrix takes.
  static std::size_t bytes(std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>(rows * padded(cols)) * sizeof(std::uint16_t);
  }

  /// Enqueues the rounding of x [rows, cols], `stride` floats from row to row.
  RoundedMatrix(CudaBackend& backend, std::int64_t rows, std::int64_t cols, const float* x,
                std::int64_t stride);

  const std::uint16_t* data() const { return buffer_.as<std::uint16_t>(); }
  /// Elements from row to row.
  std::int64_t stride() const { return stride_; }

 private:
  static std::int64_t padded(std::int64_t cols) { return round_up(cols, kRowMultiple); }

  std::int64_t stride_;
  TrackedBuffer buffer_;
};

/// y = x, widened exactly from bfloat16 bits.
void widen(Stream& stream, std::int64_t n, const std::uint16_t* x, float* y);

}  // namespace frost::cuda
