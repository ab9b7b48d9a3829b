#include "engine/launch.h"
#include "engine/ops/check.h"
#include "engine/policy_ops.h"

namespace frost {

Tensor evaluate_categorical(const Tensor& logits, const Tensor& mask, const Tensor& action) {
  require_rank(logits, 2, "evaluate_categorical", "logits");
  const std::int64_t n = logits.dim(0);
  const auto choices = static_cast<int>(logits.dim(1));
  require(choices > 0, "evaluate_categorical", "logits hold no choice: ", logits.shape());
  if (mask.defined()) require_dtype(mask, DType::kU8, "evaluate_categorical", "mask");
  require_indices(action, choices, "evaluate_categorical", "action");
  require((!mask.defined() || mask.numel() == logits.numel()) && action.numel() == n,
          "evaluate_categorical", "mask or actions do not fit logits ", logits.shape());
  const auto allowed = [mask] { return mask.defined() ? mask.data<std::uint8_t>() : nullptr; };
  Op op("evaluate_categorical", {logits});
  op.may_be_infinite();  // the log probability of a choice that the mask forbids
  Backend& backend = op.backend();
  const Tensor y = op.output({n, 2});
  launch("categorical_forward", [&] {
    backend.policy().categorical_forward(n, choices, logits.data(), allowed(),
                                         action.data<std::int32_t>(), y.data());
  });
  const Tensor kept = op.save_for({0}, logits);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dlogits = g.of(0);
    launch("categorical_backward", [&] {
      backend.policy().categorical_backward(n, choices, kept.data(), allowed(),
                                            action.data<std::int32_t>(), dy.data(), dlogits);
    });
  });
}

Tensor evaluate_gaussian(const Tensor& params, const Tensor& u) {
  require_rank(u, 2, "evaluate_gaussian", "sample");
  require_dtype(u, DType::kF32, "evaluate_gaussian", "sample");
  const std::int64_t n = u.dim(0), dims = u.dim(1);
  require(params.shape() == Shape{n, 2 * dims}, "evaluate_gaussian", "parameters ", params.shape(),
          " do not fit sample ", u.shape());
  Op op("evaluate_gaussian", {params});
  Backend& backend = op.backend();
  const Tensor y = op.output({n, 2});
  launch("gaussian_forward",
         [&] { backend.policy().gaussian_forward(n, dims, params.data(), u.data(), y.data()); });
  const Tensor kept = op.save_for({0}, params), kept_u = op.save_for({0}, u);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut slot = g.of(0);
    launch("gaussian_backward", [&] {
      backend.policy().gaussian_backward(n, dims, kept.data(), kept_u.data(), dy.data(), slot);
    });
  });
}

Tensor ppo_surrogate(const Tensor& evaluation, const SurrogateInputs& inputs) {
  require_rank(evaluation, 2, "ppo_surrogate", "evaluation");
  require_dtype(inputs.offsets, DType::kI32, "ppo_surrogate", "offsets");
  require_dtype(inputs.old_logp, DType::kF32, "ppo_surrogate", "old_logp");
  require_dtype(inputs.advantage, DType::kF32, "ppo_surrogate", "advantage");
  require(evaluation.dim(1) == 2 && evaluation.dim(0) == inputs.old_logp.numel() &&
              inputs.offsets.numel() == inputs.advantage.numel() + 1,
          "ppo_surrogate", "the batch does not fit evaluation ", evaluation.shape());
  require(inputs.advantage.numel() > 0, "ppo_surrogate", "a mean over no state has no value");
  const auto batch = [](const SurrogateInputs& in) {
    return SurrogateBatch{in.advantage.numel(),
                          in.old_logp.numel(),
                          in.offsets.data<std::int32_t>(),
                          in.old_logp.data(),
                          in.advantage.data(),
                          in.clip_epsilon,
                          in.ratio};
  };
  Op op("ppo_surrogate", {evaluation});
  Backend& backend = op.backend();
  const Tensor y = op.output({4});
  launch("ppo_surrogate_forward", [&] {
    backend.policy().ppo_surrogate_forward(batch(inputs), evaluation.data(), y.data());
  });
  const Tensor kept = op.save_for({0}, evaluation);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut slot = g.of(0);
    launch("ppo_surrogate_backward", [&] {
      backend.policy().ppo_surrogate_backward(batch(inputs), kept.data(), dy.data(), slot);
    });
  });
}

Tensor value_loss(const Tensor& values, const ValueLossInputs& inputs) {
  require_rank(values, 2, "value_loss", "values");
  require_dtype(inputs.old_values, DType::kF32, "value_loss", "old_values");
  require_dtype(inputs.returns, DType::kF32, "value_loss", "returns");
  require_dtype(inputs.weights, DType::kF32, "value_loss", "weights");
  require(inputs.old_values.shape() == values.shape() && inputs.returns.shape() == values.shape() &&
              inputs.weights.numel() == values.dim(1),
          "value_loss", "the batch does not fit values ", values.shape());
  const std::int64_t states = values.dim(0), components = values.dim(1);
  require(states > 0, "value_loss", "a mean over no state has no value");
  const auto batch = [=](const ValueLossInputs& in) {
    return ValueLossBatch{
        states,  components, in.old_values.data(), in.returns.data(), in.weights.data(),
        in.kind, in.range};
  };
  Op op("value_loss", {values});
  Backend& backend = op.backend();
  const Tensor y = op.output({1 + components});
  launch("value_loss_forward",
         [&] { backend.policy().value_loss_forward(batch(inputs), values.data(), y.data()); });
  const Tensor kept = op.save_for({0}, values);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut slot = g.of(0);
    launch("value_loss_backward", [&] {
      backend.policy().value_loss_backward(batch(inputs), kept.data(), dy.data(), slot);
    });
  });
}

}  // namespace frost
