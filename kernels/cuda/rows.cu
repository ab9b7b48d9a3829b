#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

class CudaRows final : public RowKernels {
 public:
  explicit CudaRows(CudaBackend& backend) : backend_(backend), stream_(backend.stream()) {}

  void copy_rows(std::int64_t rows, std::int64_t cols, const float* src, std::int64_t src_stride,
                 GradOut dst, std::int64_t dst_stride) override {
    const std::int64_t n = rows * cols;
    for_each(stream_, n, reads(n) + stores(n, dst), [=] __device__(std::int64_t i) {
      const std::int64_t r = i / cols, c = i % cols;
      store(src[r * src_stride + c], dst.mode, dst.data[r * dst_stride + c]);
    });
  }

  void gather_rows(std::int64_t rows, std::int64_t cols, const std::int32_t* index,
                   const float* src, float* dst) override {
    const std::int64_t n = rows * cols;
    for_each(stream_, n, reads(n) + reads<std::int32_t>(rows) + writes(n),
             [=] __device__(std::int64_t i) { dst[i] = src[index[i / cols] * cols + i % cols]; });
  }

  void segment_sum(std::int64_t segments, std::int64_t cols, const std::int32_t* offsets,
                   const float* src, GradOut dst) override {
    // Only the device knows how many rows there are: at least one for most segments.
    const std::int64_t n = segments * cols;
    const Traffic traffic = reads(n) + reads<std::int32_t>(segments + 1) + stores(n, dst);
    for_each(stream_, n, traffic, [=] __device__(std::int64_t i) {
      const std::int64_t s = i / cols, c = i % cols;
      float sum = start_of(dst.mode, dst.data + i);
      for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) sum += src[r * cols + c];
      dst.data[i] = sum;
    });
  }

  void column_sum(std::int64_t rows, std::int64_t cols, const float* x, GradOut out) override {
    reduce_columns(
        backend_, rows, cols, reads(rows * cols),
        [=] __device__(std::int64_t r, std::int64_t c) {
          return static_cast<double>(x[r * cols + c]);
        },
        out);
  }

  void add_bias(std::int64_t rows, std::int64_t cols, const float* bias, float* x) override {
    const std::int64_t n = rows * cols;
    for_each(stream_, n, reads(n + cols) + writes(n),
             [=] __device__(std::int64_t i) { x[i] += bias[i % cols]; });
  }

  void channel_sum(std::int64_t rows, std::int64_t channels, const float* w, float* out) override {
    for_each(stream_, rows, reads(rows * channels) + writes(rows), [=] __device__(std::int64_t r) {
      double sum = 0;
      for (std::int64_t c = 0; c < channels; ++c) sum += w[r * channels + c];
      out[r] = static_cast<float>(sum);
    });
  }

  void channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                         GradOut dw) override {
    const std::int64_t n = rows * channels;
    for_each(stream_, n, reads(rows) + stores(n, dw),
             [=] __device__(std::int64_t i) { store(dout[i / channels], dw.mode, dw.data[i]); });
  }

 private:
  CudaBackend& backend_;
  Stream& stream_;
};

}  // namespace

std::unique_ptr<RowKernels> make_rows(CudaBackend& backend) {
  return std::make_unique<CudaRows>(backend);
}

}  // namespace frost::cuda
