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
    const bool accumulate = c.mode == GradMode::kAccumulate;
    if (k == 0) {  // an empty sum
      if (accumulate) return;
      const auto bytes = [](std::int64_t floats) {
        return static_cast<std::size_t>(floats) * sizeof(float);
      };
      return backend_.stream().fill_rows(c.data, bytes(ldc), bytes(n), static_cast<std::size_t>(m));
    }
    const auto multiply = [&](const auto* first, std::int64_t first_stride, const auto* second,
                              std::int64_t second_stride) {
      const GemmKey key{m,
                        n,
                        k,
                        first_stride,
                        second_stride,
                        ldc,
                        common_alignment(first),
                        common_alignment(second),
                        common_alignment(c.data),
                        transpose_a,
                        transpose_b,
                        accumulate,
                        static_cast<std::int32_t>(backend_.options().math)};
      products_.run(key, first, second, c.data);
    };
    if (backend_.options().math != MathMode::kBf16) return multiply(a, lda, b, ldb);
    const RoundedMatrix rounded_a(backend_, transpose_a ? k : m, transpose_a ? m : k, a, lda);
    const RoundedMatrix rounded_b(backend_, transpose_b ? n : k, transpose_b ? k : n, b, ldb);
    multiply(rounded_a.data(), rounded_a.stride(), rounded_b.data(), rounded_b.stride());
  }

 private:
  CudaBackend& backend_;
  LtGemm products_;
};

}  // namespace

std::unique_ptr<MatrixKernels> make_matrix(CudaBackend& backend) {
  return std::make_unique<CudaMatrix>(backend);
}

}  // namespace frost::cuda
