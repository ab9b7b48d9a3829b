#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "kernels/backend.h"
#include "kernels/compute_options.h"
#include "kernels/cuda/runtime/allocator.h"
#include "kernels/cuda/runtime/arena.h"
#include "kernels/tracked_buffer.h"

namespace frost {

namespace cuda {
class LtGemm;
class CudnnConvolutions;
}  // namespace cuda

/// The CUDA backend: cuDNN graphs for convolutions, cublasLt for matrix products, own kernels for
/// the rest, on the first visible GPU.
///
/// Everything is enqueued on one stream; only copies to and from the host wait.
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
  cudaStream_t stream() const { return stream_; }
  cuda::Arena& arena() { return arena_; }

  std::string description() const override;
  void* allocate(std::size_t bytes) override;
  void release(void* data) override;
  void copy_to_host(void* dst, const void* src, std::size_t bytes) override;
  void copy_from_host(void* dst, const void* src, std::size_t bytes) override;
  void copy(void* dst, const void* src, std::size_t bytes) override;
  void fill_zero(void* data, std::size_t bytes) override;
  bool records() const override { return true; }
  std::unique_ptr<RecordedWork> record(const std::function<void()>& work) override;
  void axpy(std::int64_t n, float alpha, const float* x, GradOut y) override;
  void add(std::int64_t n, const float* a, const float* b, float* y) override;
  void copy_rows(std::int64_t rows, std::int64_t cols, const float* src, std::int64_t src_stride,
                 GradOut dst, std::int64_t dst_stride) override;
  void gather_rows(std::int64_t rows, std::int64_t cols, const std::int32_t* index,
                   const float* src, float* dst) override;
  void segment_sum(std::int64_t segments, std::int64_t cols, const std::int32_t* offsets,
                   const float* src, GradOut dst) override;
  void column_sum(std::int64_t rows, std::int64_t cols, const float* x, GradOut out) override;
  void add_bias(std::int64_t rows, std::int64_t cols, const float* bias, float* x) override;
  void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
            const float* a, std::int64_t lda, const float* b, std::int64_t ldb, GradOut c,
            std::int64_t ldc) override;
  void gelu_forward(std::int64_t n, const float* x, float* y) override;
  void gelu_backward(std::int64_t n, const float* x, const float* dy, GradOut dx) override;
  void tanh_forward(std::int64_t n, const float* x, float* y) override;
  void tanh_backward(std::int64_t n, const float* y, const float* dy, GradOut dx) override;
  void softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                       const float* x, float* y) override;
  void softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                        const float* y, const float* dy, GradOut dx) override;
  void layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon, const float* x,
                          const float* gamma, const float* beta, float* y, float* mean,
                          float* rstd) override;
  void layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x, const float* mean,
                           const float* rstd, const float* gamma, const float* dy, GradOut dx,
                           GradOut dgamma, GradOut dbeta) override;
  void conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                      const float* bias, const float* residual, bool relu, float* y) override;
  void conv2d_backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                            GradOut dx) override;
  void conv2d_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                              GradOut dweight) override;
  void forget_weight(std::uint64_t id) override;
  void fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                       const float* weight, const float* gamma, const float* beta,
                       const float* mean, const float* var, float* folded, float* bias) override;
  void unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps, float epsilon,
                                  const float* weight, const float* gamma, const float* mean,
                                  const float* var, const float* g, const float* db,
                                  GradOut dweight, GradOut dgamma) override;
  void batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon, const float* x,
                          const float* gamma, const float* beta, const float* mean,
                          const float* var, float* y) override;
  void batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                           const float* x, const float* gamma, const float* mean, const float* var,
                           const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) override;
  void relu_forward(std::int64_t n, const float* x, float* y) override;
  void bytes_to_floats(std::int64_t n, const std::uint8_t* x, float scale, float shift,
                       float* y) override;
  void sign_bits(std::int64_t n, const float* y, std::uint32_t* bits) override;
  void mask_by_bits(std::int64_t n, const float* dy, const std::uint32_t* bits, float* dx) override;
  void max_pool2d_forward(const Pool2dShape& shape, const float* x, float* y,
                          std::uint8_t* index) override;
  void max_pool2d_backward(const Pool2dShape& shape, const float* dy, const std::uint8_t* index,
                           GradOut dx) override;
  void global_avg_pool_forward(std::int64_t n, std::int64_t pixels, std::int64_t c, const float* x,
                               float* y) override;
  void global_avg_pool_backward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                const float* dy, GradOut dx) override;
  void channel_sum(std::int64_t rows, std::int64_t channels, const float* w, float* out) override;
  void channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                         GradOut dw) override;
  void graph_attention_forward(const EdgeView& graph, std::int64_t heads, std::int64_t width,
                               const float* q, const float* k, const float* v, const float* edge,
                               float* weights, float* out) override;
  void graph_attention_backward(const EdgeView& graph, std::int64_t heads, std::int64_t width,
                                const float* q, const float* k, const float* v, const float* edge,
                                const float* weights, const float* dout, GradOut dq, GradOut dk,
                                GradOut dv, GradOut dedge) override;
  void categorical_forward(std::int64_t n, int choices, const float* logits,
                           const std::uint8_t* mask, const std::int32_t* action,
                           float* out) override;
  void categorical_backward(std::int64_t n, int choices, const float* logits,
                            const std::uint8_t* mask, const std::int32_t* action, const float* dout,
                            GradOut dlogits) override;
  void gaussian_forward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                        float* out) override;
  void gaussian_backward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                         const float* dout, GradOut dparams) override;
  void ppo_surrogate_forward(const SurrogateBatch& batch, const float* evaluation,
                             float* out) override;
  void ppo_surrogate_backward(const SurrogateBatch& batch, const float* evaluation,
                              const float* dout, GradOut devaluation) override;
  void value_loss_forward(const ValueLossBatch& batch, const float* values, float* out) override;
  void value_loss_backward(const ValueLossBatch& batch, const float* values, const float* dout,
                           GradOut dvalues) override;
  void squared_norms(std::span<const OptimizerTensor> tensors, double* squares) override;
  void clip_gradients(std::int64_t n, const double* squares, double max_norm,
                      float* coefficient) override;
  void adam_step(std::span<const OptimizerTensor> tensors, const AdamFactors* factors,
                 const float* coefficient) override;

 private:
  /// A non-blocking stream, destroyed last.
  struct Stream {
    Stream();
    ~Stream();
    cudaStream_t handle = nullptr;
  };

  Stream owned_stream_;
  cudaStream_t stream_ = owned_stream_.handle;
  cuda::Allocator allocator_;
  TrackedBuffer workspace_;
  cuda::Arena arena_;
  ComputeOptions options_;
  std::unique_ptr<cuda::LtGemm> gemm_;
  std::unique_ptr<cuda::CudnnConvolutions> convolutions_;
};

}  // namespace frost
