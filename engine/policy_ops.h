#pragma once

#include "engine/autograd.h"
#include "engine/tensor.h"

// The ops that only a policy needs, under the rules of engine/ops.h.
namespace frost {

/// (log p(action), entropy) per row: logits [n,choices], mask u8 [n,choices] or undefined (all
/// allowed), action int32 [n] -> [n,2].
Tensor evaluate_categorical(const Tensor& logits, const Tensor& mask, const Tensor& action);

/// (log density of the raw sample u, entropy) of a diagonal normal per row: params [n, 2*dims] =
/// (mean | log deviation), u [n,dims] -> [n,2]. The deviation is clamped to [1e-3, 2].
Tensor evaluate_gaussian(const Tensor& params, const Tensor& u);

/// Device tensors of the clipped surrogate; see SurrogateBatch.
struct SurrogateInputs {
  Tensor offsets, old_logp, advantage;
  float clip_epsilon = 0.1f;
  SurrogateRatio ratio = SurrogateRatio::kPerNode;
};

/// evaluation [decisions,2], perhaps with padding rows behind them -> [4]: surrogate loss, mean
/// entropy, k3 KL, clip fraction. Gradients flow from the first two; the loss of a state is the
/// mean over its decisions, then the mean over states.
Tensor ppo_surrogate(const Tensor& evaluation, const SurrogateInputs& inputs);

/// Device tensors of the value loss; see ValueLossBatch.
struct ValueLossInputs {
  Tensor old_values, returns, weights;
  ValueLossKind kind = ValueLossKind::kSquared;
  float range = 0.0f;
};

/// values [states,components] -> [1+components]: weighted sum, then the mean loss per component.
/// The gradient flows from the first.
Tensor value_loss(const Tensor& values, const ValueLossInputs& inputs);

}  // namespace frost
