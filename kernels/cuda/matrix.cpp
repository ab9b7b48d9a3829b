#include "kernels/cuda/conv/plan_key.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/rounded_matrix.h"

namespace frost::cuda {
namespace {

class CudaMatrix final : public MatrixKernels {
 public:
  explicit CudaMatrix(CudaBackend& backend)
      : backend_(backend), products_(backend.stream(), backend.arena()) {}

  void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
            const float* a, std::int64_t lda, const float* b, std::int64_t ldb, GradOut c,
            std::int64_t ldc) override {
    if (m == 0 || n == 0) return;
    if (k == 0) {  // an empty sum
      if (c.mode == GradMode::kAccumulate) return;
      const auto bytes = [](std::int64_t floats) {
        return static_cast<std::size_t>(floats) * sizeof(float);
      };
      return backend_.stream().fill_rows(c.data, bytes(ldc), bytes(n), static_cast<std::size_t>(m));
    }
    multiply(transpose_a, transpose_b, {m, n, k, lda, ldb, ldc}, a, b, c, nullptr);
  }

  void linear(std::int64_t n, std::int64_t out, std::int64_t in, const float* x, const float* w,
              const float* bias, float* y) override {
    const GradOut result{y, GradMode::kOverwrite};
    if (n == 0 || out == 0) return;
    if (in > 0) return multiply(false, true, {n, out, in, in, in, out}, x, w, result, bias);
    gemm(false, true, n, out, in, x, in, w, in, result, out);
    if (bias != nullptr) backend_.rows().add_bias(n, out, bias, y);
  }

 private:
  struct Sizes {
    std::int64_t m, n, k, lda, ldb, ldc;
  };

  /// A product of which nothing is empty, in the precision asked for.
  void multiply(bool transpose_a, bool transpose_b, Sizes s, const float* a, const float* b,
                GradOut c, const float* bias) {
    const auto run = [&](const auto* first, std::int64_t first_stride, const auto* second,
                         std::int64_t second_stride) {
      const GemmKey key{s.m,
                        s.n,
                        s.k,
                        first_stride,
                        second_stride,
                        s.ldc,
                        common_alignment(first),
                        common_alignment(second),
                        common_alignment(c.data),
                        bias != nullptr,
                        transpose_a,
                        transpose_b,
                        c.mode == GradMode::kAccumulate,
                        static_cast<std::int32_t>(backend_.options().math)};
      products_.run(key, first, second, bias, c.data);
    };
    if (backend_.options().math != MathMode::kBf16) return run(a, s.lda, b, s.ldb);
    const RoundedMatrix rounded_a(backend_, transpose_a ? s.k : s.m, transpose_a ? s.m : s.k, a,
                                  s.lda);
    const RoundedMatrix rounded_b(backend_, transpose_b ? s.n : s.k, transpose_b ? s.k : s.n, b,
                                  s.ldb);
    run(rounded_a.data(), rounded_a.stride(), rounded_b.data(), rounded_b.stride());
  }

  CudaBackend& backend_;
  LtGemm products_;
};

}  // namespace

std::unique_ptr<MatrixKernels> make_matrix(CudaBackend& backend) {
  return std::make_unique<CudaMatrix>(backend);
}

}  // namespace frost::cuda
