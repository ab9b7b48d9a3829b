#pragma once

#include <span>
#include <vector>

#include "engine/autograd.h"
#include "engine/tensor.h"

// The public ops. Each checks types, shapes and attributes on the host, throwing Error with an
// `[op]` tag, then calls one backend kernel through launch(). Matrices are [rows, cols]; images are
// NHWC; tensors are float32 unless said. A batch may be empty. The ops on tensors of one backend
// belong to one thread at a time.
namespace frost {

/// x w^T + bias: x [n,in], w [out,in], bias [out] or undefined -> [n,out].
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias);
/// Elementwise sum of two tensors of one shape.
Tensor add(const Tensor& a, const Tensor& b);
/// Elementwise a - b of two tensors of one shape.
Tensor subtract(const Tensor& a, const Tensor& b);
/// Exact (erf) GELU (Hendrycks & Gimpel 2016).
Tensor gelu(const Tensor& x);
/// Elementwise hyperbolic tangent; keeps its output.
Tensor tanh(const Tensor& x);
/// LayerNorm over columns (Ba et al. 2016), eps 1e-5: x [n,c], gamma [c], beta [c].
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta);
/// Softmax over the last dimension: x [...,c].
Tensor softmax(const Tensor& x);
/// softmax(x / temperature) inside each of `groups` equal runs of columns: x [n,c].
Tensor grouped_softmax(const Tensor& x, std::int64_t groups, double temperature);

/// Rows of all parts, one after another; equal columns.
Tensor concat_rows(const std::vector<Tensor>& parts);
/// [a | b]: equal rows.
Tensor concat_cols(const Tensor& a, const Tensor& b);
/// Rows begin .. begin+count of x [n,...].
Tensor narrow_rows(const Tensor& x, std::int64_t begin, std::int64_t count);
/// Columns begin .. begin+count of x [n,c].
Tensor narrow_cols(const Tensor& x, std::int64_t begin, std::int64_t count);
/// Rows index[i] of x [n,...], index int32 [m] -> [m,...]; passes no gradient. Indices outside the
/// rows are refused on the CPU, and undefined on a GPU, where looking at them would wait.
Tensor gather_rows(const Tensor& x, const Tensor& index);
/// x [n,c] with zero columns appended up to `cols`.
Tensor pad_cols(const Tensor& x, std::int64_t cols);
/// x [n,...] with zero rows appended up to `rows`.
Tensor pad_rows(const Tensor& x, std::int64_t rows);
/// Row s of x [segments,c] repeated for every member of segment s; `offsets` [segments+1] and
/// `segment_of` [members] are int32 and describe the same partition; members behind the last offset
/// get a row but pass no gradient.
Tensor repeat_segments(const Tensor& x, const Tensor& offsets, const Tensor& segment_of);

/// A convolution with the inference-form BatchNorm behind it, and their folded form.
///
/// weight [k,kh,kw,c], the other four [k]; other shapes are refused. The folded weight is made on
/// first use and again when any of the five tensors changed; a frozen layer is folded once for
/// life. A recording folds anew what trains.
struct ConvBatchNorm {
  std::int64_t stride = 1, pad = 0;
  Tensor weight, gamma, beta, mean, var;

  struct Folded {
    Tensor weight, bias;                  ///< tagged as packed
    std::vector<std::uint64_t> versions;  ///< storages and versions of what it was made from
    bool in_dry_run = false;              ///< memory without values: true in dry runs only
  };
  Folded folded[2];  ///< [0] as stored, [1] with the weight summed over its input channels
};

inline constexpr float kBatchNormEpsilon = 1e-5f;

/// conv -> BatchNorm (stored statistics) -> (+ residual) -> (ReLU), as one op.
///
/// x [n,h,w,c] -> [n,oh,ow,k]. An x with one channel meets a weight with more as if it were copied
/// to all of them. Saves x only where the weight or gamma trains, and one bit per ReLU output
/// where anything at or below trains (docs/architecture.md, "What the tape keeps").
Tensor conv_bn(const Tensor& x, ConvBatchNorm& layer, const Tensor& residual, bool relu);
// The same without folding, op by op, as a plain library runs it: what `bench_freeze --plain`
// measures, and what the folded form is tested against.

/// x [n,h,w,c], weight [k,kh,kw,c] -> [n,oh,ow,k]; keeps x where the weight trains.
Tensor conv2d(const Tensor& x, const Tensor& weight, std::int64_t stride, std::int64_t pad);
/// Inference-form BatchNorm of x [n,h,w,c]; keeps x where gamma trains.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                  const Tensor& var);
/// max(x, 0); keeps one bit per element.
Tensor relu(const Tensor& x);
/// x [n,h,w,1] copied to `channels` channels.
Tensor repeat_channels(const Tensor& x, std::int64_t channels);

/// Mean over rows of -log softmax(logits)[label]: logits [n,c], labels int32 [n] in [0,c) -> [1].
/// The gradient flows into the logits. Labels outside are refused on the CPU and undefined on a
/// GPU. An empty batch has no mean and is refused.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);
/// Mean of (x - target)^2 over all elements of two tensors of one shape, not empty -> [1].
Tensor mse(const Tensor& x, const Tensor& target);

/// scale * bytes + shift as float32 of the given shape; `bytes` is uint8.
Tensor bytes_to_floats(const Tensor& bytes, Shape shape, float scale, float shift);
/// Max pooling, x [n,h,w,c]; keeps one byte per output where a gradient passes.
Tensor max_pool2d(const Tensor& x, std::int64_t kernel, std::int64_t stride, std::int64_t pad);
/// Mean over pixels: [n,h,w,c] -> [n,c].
Tensor global_avg_pool(const Tensor& x);

/// Edges between token rows in both groupings, as int32 device tensors.
struct EdgeIndex {
  std::int64_t rows = 0, edges = 0;
  Tensor target_offsets, source, source_offsets, edge_of_source, target;

  EdgeView view() const;
};

/// Groups the edges source[i] -> target[i] over `rows` tokens; `order` receives, for each position
/// in target order, the number of the given edge, so that features can be permuted alike.
EdgeIndex build_edge_index(Backend& backend, std::int64_t rows,
                           std::span<const std::int32_t> source,
                           std::span<const std::int32_t> target, std::vector<std::int32_t>& order);

/// Multi-head attention along edges, with edge embeddings added to keys and values
/// (docs/networks.md, "Encoder"): q, k, v [rows,d], edge [edges,d] -> [rows,d].
Tensor graph_attention(const EdgeIndex& index, std::int64_t heads, const Tensor& q, const Tensor& k,
                       const Tensor& v, const Tensor& edge);

}  // namespace frost
