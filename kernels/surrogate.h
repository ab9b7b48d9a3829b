#pragma once

#include "kernels/backend.h"
#include "kernels/scalar_math.h"

// The clipped surrogate of one state with ragged cells, written once for host and device.
namespace frost {

/// Means over the cells of one state; all zeros for a state without cells.
struct SurrogateState {
  double loss = 0, entropy = 0, kl = 0, clipped = 0;
};

FROST_HOST_DEVICE inline SurrogateState surrogate_state(const SurrogateBatch& b,
                                                        const float* evaluation, std::int64_t s) {
  const std::int64_t begin = b.offsets[s], end = b.offsets[s + 1];
  const auto cells = static_cast<double>(end - begin);
  SurrogateState t;
  if (begin == end) return t;
  double log_ratio_sum = 0;
  for (std::int64_t i = begin; i < end; ++i) {
    const float log_ratio = evaluation[2 * i] - b.old_logp[i];
    log_ratio_sum += log_ratio;
    t.entropy += evaluation[2 * i + 1] / cells;
    t.kl += kl_k3(log_ratio) / cells;
    if (b.ratio == SurrogateRatio::kPerNode) {
      const SurrogateTerm term = surrogate_term(log_ratio, b.advantage[s], b.clip_epsilon);
      t.loss += term.loss / cells;
      t.clipped += term.clipped / cells;
    }
  }
  if (b.ratio != SurrogateRatio::kPerNode) {
    const double log_ratio =
        b.ratio == SurrogateRatio::kMeanLogp ? log_ratio_sum / cells : log_ratio_sum;
    const SurrogateTerm term =
        surrogate_term(static_cast<float>(log_ratio), b.advantage[s], b.clip_epsilon);
    t.loss = term.loss;
    t.clipped = term.clipped;
  }
  return t;
}

/// Writes the gradients of the cells of state `s`; dout[2]: of the surrogate loss and the entropy.
FROST_HOST_DEVICE inline void surrogate_state_gradient(const SurrogateBatch& b,
                                                       const float* evaluation, const float* dout,
                                                       std::int64_t s, GradOut devaluation) {
  const std::int64_t begin = b.offsets[s], end = b.offsets[s + 1];
  const float share = 1.0f / static_cast<float>(b.states);
  const float per_cell = share / static_cast<float>(end - begin);
  const bool per_node = b.ratio == SurrogateRatio::kPerNode;
  float log_ratio = 0;
  if (!per_node) {
    for (std::int64_t i = begin; i < end; ++i) log_ratio += evaluation[2 * i] - b.old_logp[i];
    if (b.ratio == SurrogateRatio::kMeanLogp) log_ratio /= static_cast<float>(end - begin);
  }
  const float weight = b.ratio == SurrogateRatio::kJoint ? share : per_cell;
  for (std::int64_t i = begin; i < end; ++i) {
    if (per_node) log_ratio = evaluation[2 * i] - b.old_logp[i];
    const SurrogateTerm term = surrogate_term(log_ratio, b.advantage[s], b.clip_epsilon);
    store(dout[0] * weight * term.derivative, devaluation.mode, devaluation.data[2 * i]);
    store(dout[1] * per_cell, devaluation.mode, devaluation.data[2 * i + 1]);
  }
}

/// Writes the gradients of row `i`, which is no state's cell.
FROST_HOST_DEVICE inline void clear_padding_gradient(std::int64_t i, GradOut devaluation) {
  store(0.0f, devaluation.mode, devaluation.data[2 * i]);
  store(0.0f, devaluation.mode, devaluation.data[2 * i + 1]);
}

}  // namespace frost
