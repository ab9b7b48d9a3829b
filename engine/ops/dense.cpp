#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  require_rank(x, 2, "linear", "input");
  require_rank(w, 2, "linear", "weight");
  require(x.dim(1) == w.dim(1), "linear", "input ", x.shape(), " has ", x.dim(1),
          " columns but weight ", w.shape(), " expects ", w.dim(1));
  require(!bias.defined() || bias.numel() == w.dim(0), "linear", "bias does not fit the weight");
  const std::int64_t n = x.dim(0), in = w.dim(1), out = w.dim(0);
  enum { kX, kW, kB };
  Op op("linear", {x, w, bias});
  Backend& backend = op.backend();
  const Tensor y = op.output({n, out});
  launch("linear_forward", [&] {
    backend.matrix().gemm(false, true, n, out, in, x.data(), in, w.data(), in,
                          {y.data(), GradMode::kOverwrite}, out);
    if (bias.defined()) backend.rows().add_bias(n, out, bias.data(), y.data());
  });
  const Tensor kept_x = op.save_for({kW}, x), kept_w = op.save_for({kX}, w);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(kX), dw = g.of(kW), db = g.of(kB);
    launch("linear_backward", [&] {
      if (dx)
        backend.matrix().gemm(false, false, n, in, out, dy.data(), out, kept_w.data(), in, dx, in);
      if (dw)
        backend.matrix().gemm(true, false, out, in, n, dy.data(), out, kept_x.data(), in, dw, in);
      if (db) backend.rows().column_sum(n, out, dy.data(), db);
    });
  });
}

Tensor add(const Tensor& a, const Tensor& b) {
  require(a.shape() == b.shape(), "add", "shapes differ: ", a.shape(), " and ", b.shape());
  Op op("add", {a, b});
  Backend& backend = op.backend();
  const Tensor y = op.output(a.shape());
  launch("add", [&] { backend.elementwise().add(y.numel(), a.data(), b.data(), y.data()); });
  return op.finish(y, [&backend](const Tensor& dy, GradSlots& g) {
    for (const std::size_t i : {0u, 1u}) {
      const GradOut slot = g.of(i);
      if (slot)
        launch("add_backward",
               [&] { backend.elementwise().axpy(dy.numel(), 1.0f, dy.data(), slot); });
    }
  });
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  require(a.shape() == b.shape(), "subtract", "shapes differ: ", a.shape(), " and ", b.shape());
  Op op("subtract", {a, b});
  Backend& backend = op.backend();
  const Tensor y = op.output(a.shape());
  launch("subtract", [&] {
    backend.elementwise().axpy(y.numel(), 1.0f, a.data(), {y.data(), GradMode::kOverwrite});
    backend.elementwise().axpy(y.numel(), -1.0f, b.data(), {y.data(), GradMode::kAccumulate});
  });
  return op.finish(y, [&backend](const Tensor& dy, GradSlots& g) {
    for (const std::size_t i : {0u, 1u}) {
      const GradOut slot = g.of(i);
      const float sign = i == 0 ? 1.0f : -1.0f;
      if (slot)
        launch("subtract_backward",
               [&] { backend.elementwise().axpy(dy.numel(), sign, dy.data(), slot); });
    }
  });
}

Tensor gelu(const Tensor& x) {
  Op op("gelu", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output(x.shape());
  launch("gelu_forward",
         [&] { backend.elementwise().gelu_forward(x.numel(), x.data(), y.data()); });
  const Tensor kept = op.save_for({0}, x);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("gelu_backward",
           [&] { backend.elementwise().gelu_backward(dy.numel(), kept.data(), dy.data(), dx); });
  });
}

Tensor tanh(const Tensor& x) {
  Op op("tanh", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output(x.shape());
  launch("tanh_forward",
         [&] { backend.elementwise().tanh_forward(x.numel(), x.data(), y.data()); });
  const Tensor kept = op.save_for({0}, y);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("tanh_backward",
           [&] { backend.elementwise().tanh_backward(dy.numel(), kept.data(), dy.data(), dx); });
  });
}

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  constexpr float kEpsilon = 1e-5f;
  require_rank(x, 2, "layer_norm", "input");
  const std::int64_t rows = x.dim(0), cols = x.dim(1);
  require(gamma.numel() == cols && beta.numel() == cols, "layer_norm", "input ", x.shape(),
          " does not fit gamma ", gamma.shape());
  enum { kX, kGamma, kBeta };
  Op op("layer_norm", {x, gamma, beta});
  Backend& backend = op.backend();
  const Tensor y = op.output(x.shape()), mean = op.output({rows}), rstd = op.output({rows});
  launch("layer_norm_forward", [&] {
    backend.normalization().layer_norm_forward(rows, cols, kEpsilon, x.data(), gamma.data(),
                                               beta.data(), y.data(), mean.data(), rstd.data());
  });
  const Tensor kept_x = op.save_for({kX, kGamma}, x);
  const Tensor kept_mean = op.save_for({kX, kGamma}, mean);
  const Tensor kept_rstd = op.save_for({kX, kGamma}, rstd);
  const Tensor kept_gamma = op.save_for({kX}, gamma);
  const auto data = [](const Tensor& t) { return t.defined() ? t.data() : nullptr; };
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(kX), dgamma = g.of(kGamma), dbeta = g.of(kBeta);
    launch("layer_norm_backward", [&] {
      backend.normalization().layer_norm_backward(rows, cols, data(kept_x), data(kept_mean),
                                                  data(kept_rstd), data(kept_gamma), dy.data(), dx,
                                                  dgamma, dbeta);
    });
  });
}

namespace {

/// softmax(x / temperature) over runs of `cols` elements.
Tensor softmax_of_runs(const char* name, const Tensor& x, std::int64_t cols, double temperature) {
  const std::int64_t rows = x.numel() / cols;
  const auto inverse = static_cast<float>(1.0 / temperature);
  Op op(name, {x});
  Backend& backend = op.backend();
  const Tensor y = op.output(x.shape());
  launch("softmax_forward",
         [&] { backend.normalization().softmax_forward(rows, cols, inverse, x.data(), y.data()); });
  const Tensor kept = op.save_for({0}, y);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("softmax_backward", [&] {
      backend.normalization().softmax_backward(rows, cols, inverse, kept.data(), dy.data(), dx);
    });
  });
}

}  // namespace

Tensor softmax(const Tensor& x) {
  require(!x.shape().empty() && x.shape().back() > 0, "softmax", x.shape(),
          " has no last dimension to sum over");
  return softmax_of_runs("softmax", x, x.shape().back(), 1.0);
}

Tensor grouped_softmax(const Tensor& x, std::int64_t groups, double temperature) {
  require_rank(x, 2, "grouped_softmax", "input");
  require(groups > 0 && x.dim(1) > 0 && x.dim(1) % groups == 0, "grouped_softmax", x.shape(),
          " cannot be split into ", groups, " groups");
  require(temperature > 0, "grouped_softmax", "the temperature must be positive");
  return softmax_of_runs("grouped_softmax", x, x.dim(1) / groups, temperature);
}

}  // namespace frost
