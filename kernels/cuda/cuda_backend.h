#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/compute_options.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/allocator.h"
#include "kernels/cuda/runtime/arena.h"
#include "kernels/cuda/runtime/stream.h"
#include "kernels/tracked_buffer.h"

namespace frost {

namespace cuda {
class CudnnConvolutions;
}

/// The CUDA backend: cuDNN graphs for convolutions, cublasLt for matrix products, own kernels for
/// the rest, on the first visible GPU.
///
/// Everything is enqueued on one stream; only copies to the host, and large ones from it, wait.
/// Equal inputs give equal bits: no kernel uses atomics, and every sum has an order that depends on
/// shapes alone. Weights need no reordered copies: NHWC and OHWI are cuDNN's own layouts. Calls
/// come from one thread at a time.
class CudaBackend final : public Backend {
 public:
  /// Throws Error where the libraries or the device fail.
  CudaBackend();
  ~CudaBackend() override;

  /// Switches convolutions and matrix products alike. Throws UsageError for a precision that the
  /// device lacks.
  void configure(const ComputeOptions& options) override;
  const ComputeOptions& options() const { return options_; }
  /// One line per convolution plan made so far.
  std::string kernel_report() const override;
  cuda::Stream& stream() { return stream_; }
  const DeviceCounts* counts() const override { return &stream_.counts(); }
  cuda::Arena& arena() { return arena_; }
  cuda::CudnnConvolutions& convolutions() { return *convolutions_; }

  std::string description() const override;
  void* allocate(std::size_t bytes) override;
  void release(void* data) override;
  void copy_to_host(void* dst, const void* src, std::size_t bytes) override;
  void copy_from_host(void* dst, const void* src, std::size_t bytes) override;
  void copy(void* dst, const void* src, std::size_t bytes) override;
  void fill_zero(void* data, std::size_t bytes) override;
  /// Enough rows that a convolution fills the device even on 6x6 maps, in few calls; the largest
  /// map of 24x24 tokens is then 72 MiB.
  std::int64_t preferred_batch() const override { return 2048; }
  /// At 84x84 the first stage then has 14,112 pixels, about a tile of 128 per multiprocessor: fewer
  /// pictures would take as long.
  std::int64_t fixed_batch() const override { return 32; }
  bool prefers_few_shapes() const override { return true; }
  bool records() const override { return true; }
  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override;
  ElementwiseKernels& elementwise() override { return *elementwise_; }
  RowKernels& rows() override { return *rows_; }
  MatrixKernels& matrix() override { return *matrix_; }
  NormalizationKernels& normalization() override { return *normalization_; }
  ConvolutionKernels& convolution() override { return *convolution_; }
  PoolingKernels& pooling() override { return *pooling_; }
  AttentionKernels& attention() override { return *attention_; }
  OptimizerKernels& optimizer() override { return *optimizer_; }
  LossKernels& losses() override { return *losses_; }
  PolicyKernels& policy() override { return *policy_; }

 private:
  cuda::Stream stream_;  ///< destroyed last
  cuda::Allocator allocator_;
  TrackedBuffer workspace_;
  cuda::Arena arena_;
  ComputeOptions options_;
  std::unique_ptr<cuda::CudnnConvolutions> convolutions_;
  std::unique_ptr<ElementwiseKernels> elementwise_ = cuda::make_elementwise(*this);
  std::unique_ptr<RowKernels> rows_ = cuda::make_rows(*this);
  std::unique_ptr<MatrixKernels> matrix_ = cuda::make_matrix(*this);
  std::unique_ptr<NormalizationKernels> normalization_ = cuda::make_normalization(*this);
  std::unique_ptr<ConvolutionKernels> convolution_ = cuda::make_convolution(*this);
  std::unique_ptr<PoolingKernels> pooling_ = cuda::make_pooling(*this);
  std::unique_ptr<AttentionKernels> attention_ = cuda::make_attention(*this);
  std::unique_ptr<OptimizerKernels> optimizer_ = cuda::make_optimizer(*this);
  std::unique_ptr<LossKernels> losses_ = cuda::make_losses(*this);
  std::unique_ptr<PolicyKernels> policy_ = cuda::make_policy(*this);
};

}  // namespace frost
