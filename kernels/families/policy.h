#pragma once

#include <cstdint>

#include "kernels/gradient.h"

namespace frost {

/// How a value V is held against its return R: `squared` (V-R)^2; `clipped`
/// max((V-R)^2, (V_clip-R)^2) with V_clip = V_old + clamp(V - V_old, -range, range); `huber` the
/// square up to |V-R| = range, linear with the same slope beyond (twice Huber's 1964).
enum class ValueLossKind { kSquared, kClipped, kHuber };

/// How the log-ratios of the decisions of one state make the ratio that is clipped: one per
/// decision, the exponential of their sum, or of their mean.
enum class SurrogateRatio { kPerNode, kJoint, kMeanLogp };

/// Inputs of the clipped surrogate over `states` states with ragged decisions.
struct SurrogateBatch {
  std::int64_t states = 0;
  std::int64_t rows = 0;  ///< of the evaluation; those behind the last state's are padding
  const std::int32_t* offsets = nullptr;  ///< [states+1] decisions of each state
  const float* old_logp = nullptr;        ///< [rows]
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

/// What only a policy needs: distributions over actions and the losses of PPO (Schulman et al.
/// 2017).
class PolicyKernels {
 public:
  virtual ~PolicyKernels() = default;

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
  /// evaluation [rows, 2] from `categorical_forward` or `gaussian_forward`; a state without
  /// decisions contributes zeros; out[4] = (surrogate loss, mean entropy, k3 KL, clip fraction).
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
};

}  // namespace frost
