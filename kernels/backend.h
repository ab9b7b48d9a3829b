#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "kernels/compute_options.h"
#include "kernels/errors.h"
#include "kernels/host_device.h"
#include "kernels/memory_ledger.h"
#include "kernels/scalar_math.h"

namespace frost {

/// Convention of every backward kernel: a gradient output is nullable. `kIgnore` computes nothing,
/// `kOverwrite` writes, `kAccumulate` adds to what is there.
enum class GradMode { kIgnore, kOverwrite, kAccumulate };

/// A nullable gradient output.
struct GradOut {
  float* data = nullptr;
  GradMode mode = GradMode::kIgnore;

  explicit operator bool() const { return mode != GradMode::kIgnore; }
};

/// Stores one gradient value under its mode; the caller has ruled out kIgnore.
FROST_HOST_DEVICE inline void store(float value, GradMode mode, float& out) {
  out = mode == GradMode::kAccumulate ? out + value : value;
}

/// A 2-D convolution: x [n,h,w,c] (NHWC), weight [k,kh,kw,c] (OHWI), y [n,oh(),ow(),k].
struct Conv2dShape {
  std::int64_t n, h, w, c, k, kh, kw, stride, pad;

  std::int64_t oh() const { return (h + 2 * pad - kh) / stride + 1; }
  std::int64_t ow() const { return (w + 2 * pad - kw) / stride + 1; }
  bool operator==(const Conv2dShape&) const = default;
};

/// A 2-D max pooling with square window: x [n,h,w,c], y [n,oh(),ow(),c].
struct Pool2dShape {
  std::int64_t n, h, w, c, kernel, stride, pad;

  std::int64_t oh() const { return (h + 2 * pad - kernel) / stride + 1; }
  std::int64_t ow() const { return (w + 2 * pad - kernel) / stride + 1; }
};

/// A weight as a kernel sees it: data plus identity. Backends keep reordered copies by `id` and
/// renew them when `version` changes; id 0 means: do not keep.
struct WeightView {
  const float* data = nullptr;
  std::uint64_t id = 0;
  std::uint64_t version = 0;
};

/// Directed edges grouped by target (CSR), and the same edges grouped by source.
struct EdgeView {
  std::int64_t rows = 0;  ///< tokens
  std::int64_t edges = 0;
  const std::int32_t* target_offsets =
      nullptr;                           ///< [rows+1] edges of target r: offsets[r]..offsets[r+1]
  const std::int32_t* source = nullptr;  ///< [edges] source row, in target order
  const std::int32_t* source_offsets = nullptr;  ///< [rows+1]
  const std::int32_t* edge_of_source = nullptr;  ///< [edges] edge numbers (target order), by source
  const std::int32_t* target = nullptr;          ///< [edges] target row, in target order
};

/// How log-ratios of the cells of one state make the PPO ratio (docs/durotaxis.md, "Training").
enum class SurrogateRatio { kPerNode, kJoint, kMeanLogp };

/// Inputs of the clipped surrogate over `states` states with ragged cells.
struct SurrogateBatch {
  std::int64_t states = 0;
  std::int64_t rows = 0;  ///< of the evaluation; those behind the last state's cells are padding
  const std::int32_t* offsets = nullptr;  ///< [states+1] cells of each state
  const float* old_logp = nullptr;        ///< [cells]
  const float* advantage = nullptr;       ///< [states]
  float clip_epsilon = 0.1f;
  SurrogateRatio ratio = SurrogateRatio::kPerNode;
};

/// The value loss over `states` x `components` values.
struct ValueLossBatch {
  std::int64_t states = 0;
  std::int64_t components = 0;
  const float* old_values = nullptr;  ///< [states, components]
  const float* returns = nullptr;     ///< [states, components]
  const float* weights = nullptr;     ///< [components]
  ValueLossKind kind = ValueLossKind::kSquared;
  float range = 0.0f;  ///< of the clipping, or of Huber's square
};

/// One tensor as the optimizer's kernels see it; `slot` is its place in arrays over all tensors.
struct OptimizerTensor {
  std::int64_t n = 0;
  std::int64_t slot = 0;
  const float* gradient = nullptr;
  float *first = nullptr, *second = nullptr, *parameter = nullptr;
};

/// Device work that can be run again without the host code that enqueued it.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;
  virtual void replay() = 0;
};

/// Every kernel entry point, as pure virtuals: forgetting one in a backend is a compile error.
///
/// Pointers are device pointers of the backend's device, row-major, float32 unless said. Matrices
/// are [rows, cols]. Shapes are checked by the callers in engine/ops. Reductions run in a fixed
/// order, so equal inputs and thread counts give equal bits.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string description() const = 0;
  /// Applies precision and determinism. Throws UsageError for a precision the device lacks.
  virtual void configure(const ComputeOptions& options) = 0;
  /// One line for each kernel that was chosen by looking at the device; empty where none is.
  virtual std::string kernel_report() const { return ""; }
  MemoryLedger& ledger() { return ledger_; }

  /// In a dry run convolutions allocate what they keep and need, and compute nothing; no other
  /// kernel is called (engine/dry_run.h).
  void set_dry_run(bool on) { dry_run_ = on; }
  bool dry_run() const { return dry_run_; }

  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* data) = 0;
  virtual void copy_to_host(void* dst, const void* src, std::size_t bytes) = 0;
  virtual void copy_from_host(void* dst, const void* src, std::size_t bytes) = 0;
  /// Between two places of the device.
  virtual void copy(void* dst, const void* src, std::size_t bytes) = 0;
  virtual void fill_zero(void* data, std::size_t bytes) = 0;

  /// Whether `record` is offered.
  virtual bool records() const { return false; }
  /// Calls `work` and keeps what it enqueues, without running it (engine/device_graph.h). What it
  /// allocates keeps its addresses while any recorded work lives.
  virtual std::unique_ptr<RecordedWork> record(const std::function<void()>& work);

  /// y (=|+=) alpha * x
  virtual void axpy(std::int64_t n, float alpha, const float* x, GradOut y) = 0;
  /// y = a + b
  virtual void add(std::int64_t n, const float* a, const float* b, float* y) = 0;
  /// dst[r, 0:cols] (=|+=) src[r, 0:cols] with row strides
  virtual void copy_rows(std::int64_t rows, std::int64_t cols, const float* src,
                         std::int64_t src_stride, GradOut dst, std::int64_t dst_stride) = 0;
  /// dst[r] = src[index[r]]
  virtual void gather_rows(std::int64_t rows, std::int64_t cols, const std::int32_t* index,
                           const float* src, float* dst) = 0;
  /// dst[s] (=|+=) sum of src rows offsets[s]..offsets[s+1]
  virtual void segment_sum(std::int64_t segments, std::int64_t cols, const std::int32_t* offsets,
                           const float* src, GradOut dst) = 0;
  /// out[c] (=|+=) sum over rows
  virtual void column_sum(std::int64_t rows, std::int64_t cols, const float* x, GradOut out) = 0;
  /// x[r, c] += bias[c]
  virtual void add_bias(std::int64_t rows, std::int64_t cols, const float* bias, float* x) = 0;

  /// C[m,n] (=|+=) op(A) op(B), row-major with leading dimensions.
  virtual void gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n,
                    std::int64_t k, const float* a, std::int64_t lda, const float* b,
                    std::int64_t ldb, GradOut c, std::int64_t ldc) = 0;

  virtual void gelu_forward(std::int64_t n, const float* x, float* y) = 0;
  virtual void gelu_backward(std::int64_t n, const float* x, const float* dy, GradOut dx) = 0;
  virtual void tanh_forward(std::int64_t n, const float* x, float* y) = 0;
  virtual void tanh_backward(std::int64_t n, const float* y, const float* dy, GradOut dx) = 0;
  virtual void softmax_forward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                               const float* x, float* y) = 0;
  virtual void softmax_backward(std::int64_t rows, std::int64_t cols, float inverse_temperature,
                                const float* y, const float* dy, GradOut dx) = 0;
  virtual void layer_norm_forward(std::int64_t rows, std::int64_t cols, float epsilon,
                                  const float* x, const float* gamma, const float* beta, float* y,
                                  float* mean, float* rstd) = 0;
  virtual void layer_norm_backward(std::int64_t rows, std::int64_t cols, const float* x,
                                   const float* mean, const float* rstd, const float* gamma,
                                   const float* dy, GradOut dx, GradOut dgamma, GradOut dbeta) = 0;

  /// y = conv(x, w) + bias (+ residual) (then ReLU). bias [k] and residual [like y] are nullable.
  virtual void conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                              const float* bias, const float* residual, bool relu, float* y) = 0;
  virtual void conv2d_backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                                    GradOut dx) = 0;
  virtual void conv2d_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                                      GradOut dweight) = 0;
  /// Drops reordered copies of a weight that no longer exists.
  virtual void forget_weight(std::uint64_t id) = 0;

  /// Inference-form BatchNorm into the convolution before it, in double, rounded once:
  /// s = gamma / sqrt(var + eps), folded[o,:] = weight[o,:] * s, bias[o] = beta - mean * s.
  virtual void fold_batch_norm(std::int64_t out_channels, std::int64_t taps, float epsilon,
                               const float* weight, const float* gamma, const float* beta,
                               const float* mean, const float* var, float* folded, float* bias) = 0;
  /// From G = d loss / d folded weight and db = d loss / d bias:
  /// dweight = s G, dgamma = (<weight, G> - mean db) / sqrt(var + eps).
  virtual void unfold_batch_norm_gradient(std::int64_t out_channels, std::int64_t taps,
                                          float epsilon, const float* weight, const float* gamma,
                                          const float* mean, const float* var, const float* g,
                                          const float* db, GradOut dweight, GradOut dgamma) = 0;
  /// The unfolded form, y = gamma (x - mean) / sqrt(var + eps) + beta: x [pixels, channels].
  virtual void batch_norm_forward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                  const float* x, const float* gamma, const float* beta,
                                  const float* mean, const float* var, float* y) = 0;
  /// x may be null where dgamma is ignored.
  virtual void batch_norm_backward(std::int64_t pixels, std::int64_t channels, float epsilon,
                                   const float* x, const float* gamma, const float* mean,
                                   const float* var, const float* dy, GradOut dx, GradOut dgamma,
                                   GradOut dbeta) = 0;
  /// y = max(x, 0); a NaN stays.
  virtual void relu_forward(std::int64_t n, const float* x, float* y) = 0;
  /// y = scale * x + shift
  virtual void bytes_to_floats(std::int64_t n, const std::uint8_t* x, float scale, float shift,
                               float* y) = 0;
  /// bits[i/32] holds y[i] > 0 at bit i % 32; words = ceil(n / 32).
  virtual void sign_bits(std::int64_t n, const float* y, std::uint32_t* bits) = 0;
  /// dx = dy where the bit is set, else 0.
  virtual void mask_by_bits(std::int64_t n, const float* dy, const std::uint32_t* bits,
                            float* dx) = 0;
  /// index is nullable: the window position (0 .. kernel^2 - 1) of each maximum, first one wins.
  virtual void max_pool2d_forward(const Pool2dShape& shape, const float* x, float* y,
                                  std::uint8_t* index) = 0;
  virtual void max_pool2d_backward(const Pool2dShape& shape, const float* dy,
                                   const std::uint8_t* index, GradOut dx) = 0;
  /// x [n, pixels, c] -> y [n, c], mean over pixels.
  virtual void global_avg_pool_forward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                       const float* x, float* y) = 0;
  virtual void global_avg_pool_backward(std::int64_t n, std::int64_t pixels, std::int64_t c,
                                        const float* dy, GradOut dx) = 0;
  /// out[o,t] = sum over channels of w[o,t,:]; w [rows, channels].
  virtual void channel_sum(std::int64_t rows, std::int64_t channels, const float* w,
                           float* out) = 0;
  virtual void channel_broadcast(std::int64_t rows, std::int64_t channels, const float* dout,
                                 GradOut dw) = 0;

  /// TransformerConv attention (docs/networks.md, "Encoder"): q, k, v [rows, heads*width],
  /// edge [edges, heads*width]; weights [edges, heads] and out [rows, heads*width] are written.
  virtual void graph_attention_forward(const EdgeView& graph, std::int64_t heads,
                                       std::int64_t width, const float* q, const float* k,
                                       const float* v, const float* edge, float* weights,
                                       float* out) = 0;
  virtual void graph_attention_backward(const EdgeView& graph, std::int64_t heads,
                                        std::int64_t width, const float* q, const float* k,
                                        const float* v, const float* edge, const float* weights,
                                        const float* dout, GradOut dq, GradOut dk, GradOut dv,
                                        GradOut dedge) = 0;

  /// Masked categorical: out[i] = (log p(action), entropy). mask [n, choices], 1 = allowed; null
  /// allows all.
  virtual void categorical_forward(std::int64_t n, int choices, const float* logits,
                                   const std::uint8_t* mask, const std::int32_t* action,
                                   float* out) = 0;
  virtual void categorical_backward(std::int64_t n, int choices, const float* logits,
                                    const std::uint8_t* mask, const std::int32_t* action,
                                    const float* dout, GradOut dlogits) = 0;
  /// Diagonal normal: params [n, 2*dims] = (mean | log deviation), u [n, dims];
  /// out[i] = (log density of u, entropy), with the deviation clamped as `gaussian_term` says.
  virtual void gaussian_forward(std::int64_t n, std::int64_t dims, const float* params,
                                const float* u, float* out) = 0;
  virtual void gaussian_backward(std::int64_t n, std::int64_t dims, const float* params,
                                 const float* u, const float* dout, GradOut dparams) = 0;
  /// evaluation [cells, 2] from `categorical_forward` or `gaussian_forward`; a state without cells
  /// contributes zeros;
  /// out[4] = (surrogate loss, mean entropy, k3 KL, clip fraction).
  virtual void ppo_surrogate_forward(const SurrogateBatch& batch, const float* evaluation,
                                     float* out) = 0;
  /// dout[2]: of the surrogate loss and of the mean entropy. Padding gets zeros.
  virtual void ppo_surrogate_backward(const SurrogateBatch& batch, const float* evaluation,
                                      const float* dout, GradOut devaluation) = 0;
  /// out[1 + components] = (weighted sum, mean loss per component).
  virtual void value_loss_forward(const ValueLossBatch& batch, const float* values, float* out) = 0;
  /// dout[1]: of the weighted sum.
  virtual void value_loss_backward(const ValueLossBatch& batch, const float* values,
                                   const float* dout, GradOut dvalues) = 0;

  /// squares[slot] = sum of squares of the gradient, in double, for every tensor.
  virtual void squared_norms(std::span<const OptimizerTensor> tensors, double* squares) = 0;
  /// coefficient[0] = `clip_coefficient` of the sum of squares[0 .. n).
  virtual void clip_gradients(std::int64_t n, const double* squares, double max_norm,
                              float* coefficient) = 0;
  /// `adam_element` with factors[slot] and gradients times coefficient[0]; nothing happens where
  /// that is not a number. factors, squares and coefficient are device memory: what changes from
  /// step to step is not an argument.
  virtual void adam_step(std::span<const OptimizerTensor> tensors, const AdamFactors* factors,
                         const float* coefficient) = 0;

 private:
  MemoryLedger ledger_;
  bool dry_run_ = false;
};

inline std::unique_ptr<RecordedWork> Backend::record(const std::function<void()>&) {
  fail("record", "this device records no work");
}

}  // namespace frost
