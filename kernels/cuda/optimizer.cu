#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"
#include "kernels/cuda/tensor_pack.h"
#include "kernels/scalar_math.h"

namespace frost::cuda {
namespace {

class CudaOptimizer final : public OptimizerKernels {
 public:
  explicit CudaOptimizer(CudaBackend& backend) : backend_(backend), stream_(backend.stream()) {
    load_kernels();
  }

  void squared_norms(std::span<const OptimizerTensor> tensors, double* squares) override {
    for (const TensorPack& pack : make_packs(tensors)) {
      const Scratch scratch(backend_, static_cast<std::size_t>(pack.blocks()) * sizeof(double));
      auto* partial = scratch.data<double>();
      const Traffic gradients = reads(pack.elements()) + writes<double>(pack.blocks());
      for_each_block(stream_, pack.blocks(), gradients,
                     [=] __device__(std::int64_t block, int thread) {
                       const PackedRange range = pack.range(static_cast<std::int32_t>(block));
                       const float* gradient = pack.tensors[range.tensor].gradient;
                       double sum = 0;
                       for (std::int64_t i = range.begin + thread; i < range.end; i += kBlockSize) {
                         sum += static_cast<double>(gradient[i]) * gradient[i];
                       }
                       sum = block_sum(sum);
                       if (thread == 0) partial[block] = sum;
                     });
      const Traffic sums = reads<double>(pack.blocks()) + writes<double>(pack.count);
      for_each_block(stream_, pack.count, sums, [=] __device__(std::int64_t tensor, int thread) {
        double sum = 0;
        for (std::int64_t i = pack.first_block[tensor] + thread; i < pack.first_block[tensor + 1];
             i += kBlockSize) {
          sum += partial[i];
        }
        sum = block_sum(sum);
        if (thread == 0) squares[pack.tensors[tensor].slot] = sum;
      });
    }
  }

  void clip_gradients(std::int64_t n, const double* squares, double max_norm,
                      float* coefficient) override {
    for_each_block(stream_, 1, reads<double>(n) + writes(1),
                   [=] __device__(std::int64_t, int thread) {
                     double sum = 0;
                     for (std::int64_t i = thread; i < n; i += kBlockSize) sum += squares[i];
                     sum = block_sum(sum);
                     if (thread == 0) *coefficient = clip_coefficient(sum, max_norm);
                   });
  }

  void adam_step(std::span<const OptimizerTensor> tensors, const AdamFactors* factors,
                 const float* coefficient) override {
    for (const TensorPack& pack : make_packs(tensors)) {
      const std::int64_t n = pack.elements();
      const Traffic traffic =
          reads(4 * n) + reads<AdamFactors>(pack.count) + reads(1) + writes(3 * n);
      for_each_block(
          stream_, pack.blocks(), traffic, [=] __device__(std::int64_t block, int thread) {
            const float scale = *coefficient;
            if (isnan(scale)) return;
            const PackedRange range = pack.range(static_cast<std::int32_t>(block));
            const OptimizerTensor& t = pack.tensors[range.tensor];
            const AdamFactors f = factors[t.slot];
            for (std::int64_t i = range.begin + thread; i < range.end; i += kBlockSize) {
              adam_element(f, scale * t.gradient[i], t.first[i], t.second[i], t.parameter[i]);
            }
          });
    }
  }

 private:
  /// A kernel is loaded when it is launched first, which may wait and allocate: nothing for a
  /// capture. A recording's other kernels have run before it; these would have moved the weights,
  /// so they run here, on a parameter of their own.
  void load_kernels() {
    struct Step {
      double square;
      float gradient, first, second, parameter, coefficient;
      AdamFactors factors;
    };
    const TrackedBuffer memory(backend_, MemoryTag::kWorkspace, sizeof(Step));
    backend_.fill_zero(memory.data(), memory.bytes());
    auto* const step = memory.as<Step>();
    const OptimizerTensor tensor{
        1, 0, &step->gradient, &step->first, &step->second, &step->parameter};
    squared_norms({&tensor, 1}, &step->square);
    clip_gradients(1, &step->square, 1.0, &step->coefficient);
    adam_step({&tensor, 1}, &step->factors, &step->coefficient);
  }

  CudaBackend& backend_;
  Stream& stream_;
};

}  // namespace

std::unique_ptr<OptimizerKernels> make_optimizer(CudaBackend& backend) {
  return std::make_unique<CudaOptimizer>(backend);
}

}  // namespace frost::cuda
