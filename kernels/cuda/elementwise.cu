#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"
#include "kernels/scalar_math.h"

namespace frost::cuda {
namespace {

class CudaElementwise final : public ElementwiseKernels {
 public:
  explicit CudaElementwise(CudaBackend& backend) : stream_(backend.stream()) {}

  void axpy(std::int64_t n, float alpha, const float* x, GradOut y) override {
    for_each(stream_, n, reads(n) + stores(n, y),
             [=] __device__(std::int64_t i) { store(alpha * x[i], y.mode, y.data[i]); });
  }

  void add(std::int64_t n, const float* a, const float* b, float* y) override {
    for_each(stream_, n, reads(2 * n) + writes(n),
             [=] __device__(std::int64_t i) { y[i] = a[i] + b[i]; });
  }

  void gelu_forward(std::int64_t n, const float* x, float* y) override {
    for_each(stream_, n, reads(n) + writes(n),
             [=] __device__(std::int64_t i) { y[i] = gelu(x[i]); });
  }

  void gelu_backward(std::int64_t n, const float* x, const float* dy, GradOut dx) override {
    for_each(stream_, n, reads(2 * n) + stores(n, dx), [=] __device__(std::int64_t i) {
      store(dy[i] * gelu_derivative(x[i]), dx.mode, dx.data[i]);
    });
  }

  void tanh_forward(std::int64_t n, const float* x, float* y) override {
    for_each(stream_, n, reads(n) + writes(n),
             [=] __device__(std::int64_t i) { y[i] = tanhf(x[i]); });
  }

  void tanh_backward(std::int64_t n, const float* y, const float* dy, GradOut dx) override {
    for_each(stream_, n, reads(2 * n) + stores(n, dx), [=] __device__(std::int64_t i) {
      store(dy[i] * tanh_derivative(y[i]), dx.mode, dx.data[i]);
    });
  }

  void relu_forward(std::int64_t n, const float* x, float* y) override {
    for_each(stream_, n, reads(n) + writes(n),
             [=] __device__(std::int64_t i) { y[i] = x[i] < 0.0f ? 0.0f : x[i]; });
  }

  void bytes_to_floats(std::int64_t n, const std::uint8_t* x, float scale, float shift,
                       float* y) override {
    for_each(stream_, n, reads<std::uint8_t>(n) + writes(n),
             [=] __device__(std::int64_t i) { y[i] = scale * static_cast<float>(x[i]) + shift; });
  }

  void sign_bits(std::int64_t n, const float* y, std::uint32_t* bits) override {
    // One warp per word: its ballot is the word.
    const std::int64_t words = (n + 31) / 32;
    for_each_warp(stream_, words, reads(n) + writes<std::uint32_t>(words),
                  [=] __device__(std::int64_t word, int lane) {
                    const std::int64_t i = word * 32 + lane;
                    const unsigned packed = __ballot_sync(0xffffffffu, i < n && y[i] > 0.0f);
                    if (lane == 0) bits[word] = packed;
                  });
  }

  void mask_by_bits(std::int64_t n, const float* dy, const std::uint32_t* bits,
                    float* dx) override {
    const Traffic traffic = reads(n) + reads<std::uint32_t>((n + 31) / 32) + writes(n);
    for_each(stream_, n, traffic, [=] __device__(std::int64_t i) {
      dx[i] = (bits[i / 32] >> (i % 32)) & 1u ? dy[i] : 0.0f;
    });
  }

 private:
  Stream& stream_;
};

}  // namespace

std::unique_ptr<ElementwiseKernels> make_elementwise(CudaBackend& backend) {
  return std::make_unique<CudaElementwise>(backend);
}

}  // namespace frost::cuda
