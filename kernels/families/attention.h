#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// Directed edges grouped by target (CSR), and the same edges grouped by source.
struct EdgeView {
  std::int64_t rows = 0;  ///< of q, k and v
  std::int64_t edges = 0;
  const std::int32_t* target_offsets =
      nullptr;                           ///< [rows+1] edges of target r: offsets[r]..offsets[r+1]
  const std::int32_t* source = nullptr;  ///< [edges] source row, in target order
  const std::int32_t* source_offsets = nullptr;  ///< [rows+1]
  const std::int32_t* edge_of_source = nullptr;  ///< [edges] edge numbers (target order), by source
  const std::int32_t* target = nullptr;          ///< [edges] target row, in target order
};

/// Attention along the edges of a graph.
class AttentionKernels {
 public:
  virtual ~AttentionKernels() = default;

  /// Multi-head attention of TransformerConv (Shi et al. 2021, "Masked label prediction"): over the
  /// edges s -> r into a row r,
  /// weights[s -> r] = softmax(<q_r, k_s + edge> / sqrt(width)) and out_r = sum of weights (v_s +
  /// edge). q, k, v, out [rows, heads*width]; edge [edges, heads*width]; weights [edges, heads].
  virtual void graph_attention_forward(const EdgeView& graph, std::int64_t heads,
                                       std::int64_t width, const float* q, const float* k,
                                       const float* v, const float* edge, float* weights,
                                       float* out) = 0;
  virtual void graph_attention_backward(const EdgeView& graph, std::int64_t heads,
                                        std::int64_t width, const float* q, const float* k,
                                        const float* v, const float* edge, const float* weights,
                                        const float* dout, GradOut dq, GradOut dk, GradOut dv,
                                        GradOut dedge) = 0;
};

}  // namespace frost
