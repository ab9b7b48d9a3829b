#include "kernels/cuda/conv/conv2d.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/tracked_buffer.h"

namespace frost::cuda {
namespace {

class CudaConvolution final : public ConvolutionKernels {
 public:
  explicit CudaConvolution(CudaBackend& backend)
      : backend_(backend), convolutions_(backend.convolutions()) {}

  void conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                      const float* bias, const float* residual, bool relu, float* y) override {
    convolutions_.forward(shape, x, weight.data, bias, residual, relu, y);
  }

  void conv2d_backward_data(const Conv2dShape& s, const float* dy, WeightView weight,
                            GradOut dx) override {
    write_gradient(s.n * s.h * s.w * s.c, dx,
                   [&](float* out) { convolutions_.backward_data(s, dy, weight.data, out); });
  }

  void conv2d_backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                              GradOut dweight) override {
    write_gradient(s.k * s.kh * s.kw * s.c, dweight,
                   [&](float* out) { convolutions_.backward_weight(s, x, dy, out); });
  }

  void forget_weight(std::uint64_t) override {}

 private:
  /// Gradients that accumulate go through a temporary: few engines scale what is there (beta), and
  /// the sum then has the same order on every engine.
  template <class Write>
  void write_gradient(std::int64_t n, GradOut gradient, const Write& write) {
    if (gradient.mode == GradMode::kOverwrite) return write(gradient.data);
    const TrackedBuffer term = workspace(backend_, n);
    write(term.floats());
    if (backend_.dry_run()) return;
    backend_.elementwise().axpy(n, 1.0f, term.floats(), gradient);
  }

  CudaBackend& backend_;
  CudnnConvolutions& convolutions_;
};

}  // namespace

std::unique_ptr<ConvolutionKernels> make_convolution(CudaBackend& backend) {
  return std::make_unique<CudaConvolution>(backend);
}

}  // namespace frost::cuda
