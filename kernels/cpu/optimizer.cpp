#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/simd.h"
#include "kernels/parallel_for.h"
#include "kernels/scalar_math.h"

namespace frost {
namespace {

class CpuOptimizer final : public OptimizerKernels {
 public:
  void squared_norms(std::span<const OptimizerTensor> tensors, double* squares) override {
    // One partial sum per block, added in block order: the same bits for any number of threads.
    for (const OptimizerTensor& t : tensors) {
      std::vector<double> partial(
          static_cast<std::size_t>((t.n + kParallelBlock - 1) / kParallelBlock));
      parallel_blocks(t.n, 2, [&](std::int64_t begin, std::int64_t end) {
        const float* x = t.gradient + begin;
        partial[static_cast<std::size_t>(begin / kParallelBlock)] = dot(end - begin, x, x);
      });
      double total = 0;
      for (const double p : partial) total += p;
      squares[t.slot] = total;
    }
  }

  void clip_gradients(std::int64_t n, const double* squares, double max_norm,
                      float* coefficient) override {
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += squares[i];
    *coefficient = clip_coefficient(total, max_norm);
  }

  void adam_step(std::span<const OptimizerTensor> tensors, const AdamFactors* factors,
                 const float* coefficient) override {
    const float scale = *coefficient;
    if (std::isnan(scale)) return;
    for (const OptimizerTensor& t : tensors) {
      const AdamFactors f = factors[t.slot];
      parallel_blocks(t.n, 8, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          adam_element(f, scale * t.gradient[i], t.first[i], t.second[i], t.parameter[i]);
        }
      });
    }
  }
};

}  // namespace

std::unique_ptr<OptimizerKernels> make_optimizer(CpuBackend&) {
  return std::make_unique<CpuOptimizer>();
}

}  // namespace frost
