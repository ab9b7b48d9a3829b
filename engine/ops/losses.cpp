#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  require_rank(logits, 2, "cross_entropy", "logits");
  const std::int64_t n = logits.dim(0), classes = logits.dim(1);
  require(logits.numel() > 0, "cross_entropy", "logits ", logits.shape(), " are empty");
  require_indices(labels, classes, "cross_entropy", "label");
  require(labels.shape() == Shape{n}, "cross_entropy", "labels ", labels.shape(),
          " do not fit logits ", logits.shape());
  Op op("cross_entropy", {logits});
  Backend& backend = op.backend();
  const Tensor y = op.output({1});
  launch("cross_entropy_forward", [&] {
    backend.losses().cross_entropy_forward(n, classes, logits.data(), labels.data<std::int32_t>(),
                                           y.data());
  });
  const Tensor kept = op.save_for({0}, logits), kept_labels = op.save_for({0}, labels);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dlogits = g.of(0);
    launch("cross_entropy_backward", [&] {
      backend.losses().cross_entropy_backward(n, classes, kept.data(),
                                              kept_labels.data<std::int32_t>(), dy.data(), dlogits);
    });
  });
}

Tensor mse(const Tensor& x, const Tensor& target) {
  require(x.shape() == target.shape(), "mse", "shapes differ: ", x.shape(), " and ",
          target.shape());
  require(x.numel() > 0, "mse", "input ", x.shape(), " is empty");
  const std::int64_t n = x.numel();
  Op op("mse", {x, target});
  Backend& backend = op.backend();
  const Tensor y = op.output({1});
  launch("mse_forward",
         [&] { backend.losses().mse_forward(n, x.data(), target.data(), y.data()); });
  const Tensor kept_x = op.save_for({0, 1}, x), kept_target = op.save_for({0, 1}, target);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0), dtarget = g.of(1);
    // The loss is symmetric, so the second gradient is the first one of exchanged arguments.
    launch("mse_backward", [&] {
      LossKernels& losses = backend.losses();
      if (dx) losses.mse_backward(n, kept_x.data(), kept_target.data(), dy.data(), dx);
      if (dtarget) losses.mse_backward(n, kept_target.data(), kept_x.data(), dy.data(), dtarget);
    });
  });
}

}  // namespace frost
