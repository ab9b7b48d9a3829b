#include "kernels/cuda/conv/tensor_pack.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/runtime/launch.cuh"
#include "kernels/scalar_math.h"

// All tensors of the optimizer in few launches: a network has some hundred of them, most of them
// small, and a launch each would cost more than the arithmetic.
namespace frost {

void CudaBackend::squared_norms(std::span<const OptimizerTensor> tensors, double* squares) {
  for (const cuda::TensorPack& pack : cuda::make_packs(tensors)) {
    const cuda::Scratch scratch(*this, static_cast<std::size_t>(pack.blocks()) * sizeof(double));
    auto* partial = scratch.data<double>();
    cuda::for_each_block(stream_, pack.blocks(), [=] __device__(std::int64_t block, int thread) {
      const cuda::PackedRange range = pack.range(static_cast<std::int32_t>(block));
      const float* gradient = pack.tensors[range.tensor].gradient;
      double sum = 0;
      for (std::int64_t i = range.begin + thread; i < range.end; i += cuda::kBlockSize) {
        sum += static_cast<double>(gradient[i]) * gradient[i];
      }
      sum = cuda::block_sum(sum);
      if (thread == 0) partial[block] = sum;
    });
    cuda::for_each_block(stream_, pack.count, [=] __device__(std::int64_t tensor, int thread) {
      double sum = 0;
      for (std::int64_t i = pack.first_block[tensor] + thread; i < pack.first_block[tensor + 1];
           i += cuda::kBlockSize) {
        sum += partial[i];
      }
      sum = cuda::block_sum(sum);
      if (thread == 0) squares[pack.tensors[tensor].slot] = sum;
    });
  }
}

void CudaBackend::clip_gradients(std::int64_t n, const double* squares, double max_norm,
                                 float* coefficient) {
  cuda::for_each_block(stream_, 1, [=] __device__(std::int64_t, int thread) {
    double sum = 0;
    for (std::int64_t i = thread; i < n; i += cuda::kBlockSize) sum += squares[i];
    sum = cuda::block_sum(sum);
    if (thread == 0) *coefficient = clip_coefficient(sum, max_norm);
  });
}

void CudaBackend::adam_step(std::span<const OptimizerTensor> tensors, const AdamFactors* factors,
                            const float* coefficient) {
  for (const cuda::TensorPack& pack : cuda::make_packs(tensors)) {
    cuda::for_each_block(stream_, pack.blocks(), [=] __device__(std::int64_t block, int thread) {
      const float scale = *coefficient;
      if (isnan(scale)) return;
      const cuda::PackedRange range = pack.range(static_cast<std::int32_t>(block));
      const OptimizerTensor& t = pack.tensors[range.tensor];
      const AdamFactors f = factors[t.slot];
      for (std::int64_t i = range.begin + thread; i < range.end; i += cuda::kBlockSize) {
        adam_element(f, scale * t.gradient[i], t.first[i], t.second[i], t.parameter[i]);
      }
    });
  }
}

}  // namespace frost
