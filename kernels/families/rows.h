#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// Copies, sums and broadcasts of whole rows or columns.
class RowKernels {
 public:
  virtual ~RowKernels() = default;

  /// dst[r, 0:cols] (=|+=) src[r, 0:cols], with so many floats from row to row.
  virtual void copy_rows(std::int64_t rows, std::int64_t cols, const float* src,
                         std::int64_t src_stride, GradOut dst, std::int64_t dst_stride) = 0;
  /// dst[r] = src[index[r]]
  virtual void gather_rows(std::int64_t rows, std::int64_t cols, const std::int32_t* index,
                           const float* src, float* dst) = 0;
  /// dst[s] (=|+=) sum of src rows offsets[s]..offsets[s+1]
  virtual void segment_sum(std::int64_t segments, std::int64_t cols, const std::int32_t* offsets,
                           const float* src, GradOut dst) = 0;
  /// out[c] (=|+=) sum over rows
  virtual void column_sum(std::int64_t rows, std::int64_t cols, const float* x, GradOut out) = 0;
  /// x[r, c] += bias[c]
  virtual void add_bias(std::int64_t rows, std::int64_t cols, const float* bias, float* x) = 0;
  /// out[r] = sum over channels of w[r, :]; w [rows, channels].
  virtual void channel_sum(std::int64_t rows, std::int64_t channels, const float* w,
                           float* out) = 0;
  /// dw[r, :] (=|+=) dout[r]: the gradient of `channel_sum`, and a copy to all channels.
  virtual void channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                                 GradOut dw) = 0;
};

}  // namespace frost
