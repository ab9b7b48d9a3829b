#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

class CpuRows final : public RowKernels {
 public:
  void copy_rows(std::int64_t rows, std::int64_t cols, const float* src, std::int64_t src_stride,
                 GradOut dst, std::int64_t dst_stride) override {
    parallel_for(rows, cols, [&](std::int64_t r) {
      const float* from = src + r * src_stride;
      float* to = dst.data + r * dst_stride;
      if (dst.mode == GradMode::kAccumulate) {
        for (std::int64_t c = 0; c < cols; ++c) to[c] += from[c];
      } else {
        std::copy(from, from + cols, to);
      }
    });
  }

  void gather_rows(std::int64_t rows, std::int64_t cols, const std::int32_t* index,
                   const float* src, float* dst) override {
    parallel_for(rows, cols, [&](std::int64_t r) {
      const float* from = src + index[r] * cols;
      std::copy(from, from + cols, dst + r * cols);
    });
  }

  void segment_sum(std::int64_t segments, std::int64_t cols, const std::int32_t* offsets,
                   const float* src, GradOut dst) override {
    parallel_for(segments, 8 * cols, [&](std::int64_t s) {
      float* to = dst.data + s * cols;
      if (dst.mode == GradMode::kOverwrite) std::fill(to, to + cols, 0.0f);
      for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) {
        for (std::int64_t c = 0; c < cols; ++c) to[c] += src[r * cols + c];
      }
    });
  }

  void column_sum(std::int64_t rows, std::int64_t cols, const float* x, GradOut out) override {
    constexpr std::int64_t kStrip = 64;  // columns of one task: a strip stays in registers and L1
    parallel_for((cols + kStrip - 1) / kStrip, rows * kStrip, [&](std::int64_t strip) {
      const std::int64_t begin = strip * kStrip, width = std::min(kStrip, cols - begin);
      double sum[kStrip] = {};
      for (std::int64_t r = 0; r < rows; ++r) {
        const float* row = x + r * cols + begin;
        for (std::int64_t c = 0; c < width; ++c) sum[c] += row[c];
      }
      for (std::int64_t c = 0; c < width; ++c) {
        store(static_cast<float>(sum[c]), out.mode, out.data[begin + c]);
      }
    });
  }

  void add_bias(std::int64_t rows, std::int64_t cols, const float* bias, float* x) override {
    parallel_for(rows, cols, [&](std::int64_t r) {
      for (std::int64_t c = 0; c < cols; ++c) x[r * cols + c] += bias[c];
    });
  }

  void channel_sum(std::int64_t rows, std::int64_t channels, const float* w, float* out) override {
    parallel_for(rows, channels, [&](std::int64_t r) {
      double sum = 0;
      for (std::int64_t c = 0; c < channels; ++c) sum += w[r * channels + c];
      out[r] = static_cast<float>(sum);
    });
  }

  void channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                         GradOut dw) override {
    parallel_for(rows, channels, [&](std::int64_t r) {
      for (std::int64_t c = 0; c < channels; ++c) {
        store(dout[r], dw.mode, dw.data[r * channels + c]);
      }
    });
  }
};

}  // namespace

std::unique_ptr<RowKernels> make_rows(CpuBackend&) {
  return std::make_unique<CpuRows>();
}

}  // namespace frost
