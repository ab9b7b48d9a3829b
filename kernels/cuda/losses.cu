#include <algorithm>
#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

/// softmax(row)[c] = exp(row[c] - top) / sum, on every lane of a warp.
struct Softmax {
  float top = -INFINITY;
  double sum = 0;

  __device__ Softmax(const float* row, std::int64_t classes, int lane) {
    for (std::int64_t c = lane; c < classes; c += kWarpSize) top = fmaxf(top, row[c]);
    top = warp_max(top);
    for (std::int64_t c = lane; c < classes; c += kWarpSize) sum += expf(row[c] - top);
    sum = warp_sum(sum);
  }
};

/// out[0] = mean of term(i) over [0, n), in an order that depends on n alone; `traffic`: what the
/// terms are made of.
template <class Term>
void write_mean(CudaBackend& backend, std::int64_t n, Traffic traffic, Term term, float* out) {
  const std::int64_t blocks = std::min<std::int64_t>(kBlockSize, blocks_for(n));
  const Scratch scratch(backend, static_cast<std::size_t>(blocks) * sizeof(double));
  auto* partial = scratch.data<double>();
  traffic = traffic + writes<double>(blocks);
  for_each_block(backend.stream(), blocks, traffic, [=] __device__(std::int64_t block, int thread) {
    double sum = 0;
    for (std::int64_t i = block * kBlockSize + thread; i < n; i += blocks * kBlockSize) {
      sum += term(i);
    }
    sum = block_sum(sum);
    if (thread == 0) partial[block] = sum;
  });
  const Traffic sums = reads<double>(blocks) + writes(1);
  for_each_block(backend.stream(), 1, sums, [=] __device__(std::int64_t, int thread) {
    const double sum = block_sum(thread < blocks ? partial[thread] : 0.0);
    if (thread == 0) *out = static_cast<float>(sum / static_cast<double>(n));
  });
}

class CudaLosses final : public LossKernels {
 public:
  explicit CudaLosses(CudaBackend& backend) : backend_(backend), stream_(backend.stream()) {}

  void cross_entropy_forward(std::int64_t rows, std::int64_t classes, const float* logits,
                             const std::int32_t* labels, float* loss) override {
    const Scratch scratch(backend_, static_cast<std::size_t>(rows) * sizeof(double));
    auto* terms = scratch.data<double>();
    const Traffic traffic =
        reads(rows * classes) + reads<std::int32_t>(rows) + writes<double>(rows);
    for_each_warp(stream_, rows, traffic, [=] __device__(std::int64_t r, int lane) {
      const float* row = logits + r * classes;
      const Softmax softmax(row, classes, lane);
      if (lane == 0) terms[r] = log(softmax.sum) + (double{softmax.top} - row[labels[r]]);
    });
    write_mean(
        backend_, rows, reads<double>(rows), [=] __device__(std::int64_t r) { return terms[r]; },
        loss);
  }

  void cross_entropy_backward(std::int64_t rows, std::int64_t classes, const float* logits,
                              const std::int32_t* labels, const float* dloss,
                              GradOut dlogits) override {
    const std::int64_t n = rows * classes;
    const Traffic traffic = reads(n + 1) + reads<std::int32_t>(rows) + stores(n, dlogits);
    for_each_warp(stream_, rows, traffic, [=] __device__(std::int64_t r, int lane) {
      const float* row = logits + r * classes;
      const Softmax softmax(row, classes, lane);
      const float share = *dloss / static_cast<float>(rows);
      const auto inverse = static_cast<float>(1.0 / softmax.sum);
      for (std::int64_t c = lane; c < classes; c += kWarpSize) {
        const float p = expf(row[c] - softmax.top) * inverse;
        store(share * (p - static_cast<float>(c == labels[r])), dlogits.mode,
              dlogits.data[r * classes + c]);
      }
    });
  }

  void mse_forward(std::int64_t n, const float* x, const float* target, float* loss) override {
    const auto squared_error = [=] __device__(std::int64_t i) {
      const double error = double{x[i]} - target[i];
      return error * error;
    };
    write_mean(backend_, n, reads(2 * n), squared_error, loss);
  }

  void mse_backward(std::int64_t n, const float* x, const float* target, const float* dloss,
                    GradOut dx) override {
    for_each(stream_, n, reads(2 * n + 1) + stores(n, dx), [=] __device__(std::int64_t i) {
      const float share = 2.0f * *dloss / static_cast<float>(n);
      store(share * (x[i] - target[i]), dx.mode, dx.data[i]);
    });
  }

 private:
  CudaBackend& backend_;
  Stream& stream_;
};

}  // namespace

std::unique_ptr<LossKernels> make_losses(CudaBackend& backend) {
  return std::make_unique<CudaLosses>(backend);
}

}  // namespace frost::cuda
