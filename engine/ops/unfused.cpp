#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {
namespace {

constexpr GradMode kWrite = GradMode::kOverwrite;

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, std::int64_t stride, std::int64_t pad) {
  const Conv2dShape shape = require_conv2d(x, weight, stride, pad, "conv2d");
  require(weight.dim(3) == shape.c, "conv2d", "input ", x.shape(), " does not fit weight ",
          weight.shape());
  Op op("conv2d", {x, weight});
  Backend& backend = op.backend();
  const Tensor y = op.output({shape.n, shape.oh(), shape.ow(), shape.k});
  launch_allocating("conv2d_forward", [&] {
    backend.convolution().conv2d_forward(shape, x.data(), weight.weight_view(), nullptr, nullptr,
                                         false, y.data());
  });
  const Tensor kept_x = op.save_for({1}, x), kept_weight = op.save_for({0}, weight);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    if (const GradOut dx = g.of(0)) {
      launch_allocating("conv2d_backward_data", [&] {
        backend.convolution().conv2d_backward_data(shape, dy.data(), kept_weight.weight_view(), dx);
      });
    }
    if (const GradOut dw = g.of(1)) {
      launch_allocating("conv2d_backward_weight", [&] {
        backend.convolution().conv2d_backward_weight(shape, kept_x.data(), dy.data(), dw);
      });
    }
  });
}

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                  const Tensor& var) {
  require_rank(x, 4, "batch_norm", "input");
  const std::int64_t channels = x.dim(3), pixels = x.numel() / std::max<std::int64_t>(1, channels);
  for (const Tensor& t : {gamma, beta, mean, var}) {
    require(t.numel() == channels, "batch_norm", t.shape(), " does not fit input ", x.shape());
  }
  Op op("batch_norm", {x, gamma, beta});
  Backend& backend = op.backend();
  const Tensor y = op.output(x.shape());
  launch("batch_norm_forward", [&] {
    backend.normalization().batch_norm_forward(pixels, channels, kBatchNormEpsilon, x.data(),
                                               gamma.data(), beta.data(), mean.data(), var.data(),
                                               y.data());
  });
  const Tensor kept_x = op.save_for({1}, x), kept_gamma = op.save_for({0, 1, 2}, gamma);
  const Tensor kept_mean = op.save_for({0, 1, 2}, mean), kept_var = op.save_for({0, 1, 2}, var);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0), dgamma = g.of(1), dbeta = g.of(2);
    launch("batch_norm_backward", [&] {
      backend.normalization().batch_norm_backward(
          pixels, channels, kBatchNormEpsilon, kept_x.defined() ? kept_x.data() : nullptr,
          kept_gamma.data(), kept_mean.data(), kept_var.data(), dy.data(), dx, dgamma, dbeta);
    });
  });
}

Tensor relu(const Tensor& x) {
  const std::int64_t n = x.numel();
  Op op("relu", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output(x.shape());
  launch("relu_forward", [&] { backend.elementwise().relu_forward(n, x.data(), y.data()); });
  Tensor bits;
  if (op.wants(0)) {
    bits = Tensor::empty(backend, {(n + 31) / 32}, MemoryTag::kSaved, DType::kU32);
    launch("sign_bits",
           [&] { backend.elementwise().sign_bits(n, y.data(), bits.data<std::uint32_t>()); });
  }
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("relu_backward", [&] {
      backend.elementwise().mask_by_bits(n, dy.data(), bits.data<std::uint32_t>(), dy.data());
      backend.elementwise().axpy(n, 1.0f, dy.data(), dx);
    });
  });
}

Tensor repeat_channels(const Tensor& x, std::int64_t channels) {
  require(x.shape().size() == 4 && x.dim(3) == 1 && channels > 0, "repeat_channels", "input ",
          x.shape(), " does not have one channel to make ", channels, " of");
  const std::int64_t pixels = x.numel();
  Op op("repeat_channels", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output({x.dim(0), x.dim(1), x.dim(2), channels});
  launch("repeat_channels", [&] {
    backend.rows().channel_broadcast(pixels, channels, x.data(), {y.data(), kWrite});
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    const Tensor sum = Tensor::empty(backend, {pixels});
    launch("repeat_channels_backward", [&] {
      backend.rows().channel_sum(pixels, channels, dy.data(), sum.data());
      backend.elementwise().axpy(pixels, 1.0f, sum.data(), dx);
    });
  });
}

Tensor bytes_to_floats(const Tensor& bytes, Shape shape, float scale, float shift) {
  require_dtype(bytes, DType::kU8, "bytes_to_floats", "input");
  require(bytes.numel() == numel(shape), "bytes_to_floats", bytes.shape(),
          " does not hold the bytes of ", shape);
  const Tensor y = Tensor::empty(bytes.backend(), std::move(shape));
  launch("bytes_to_floats", [&] {
    y.backend().elementwise().bytes_to_floats(y.numel(), bytes.data<std::uint8_t>(), scale, shift,
                                              y.data());
  });
  return Op("bytes_to_floats", {}).finish(y, {});
}

}  // namespace frost
