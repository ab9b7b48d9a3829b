#include "engine/device_graph.h"
#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {
namespace {

enum { kX, kResidual, kWeight, kGamma, kBeta };

std::vector<std::uint64_t> versions_of(const ConvBatchNorm& layer) {
  std::vector<std::uint64_t> versions;
  for (const Tensor* t : {&layer.weight, &layer.gamma, &layer.beta, &layer.mean, &layer.var}) {
    versions.insert(versions.end(), {t->storage().id(), t->storage().version()});
  }
  return versions;
}

/// The layer's weight as this input meets it: as stored, or summed over its input channels.
Tensor effective_weight(const ConvBatchNorm& layer, bool summed) {
  if (!summed) return layer.weight;
  const Shape& s = layer.weight.shape();
  const Tensor out = Tensor::empty(layer.weight.backend(), {s[0], s[1], s[2], 1});
  launch("channel_sum", [&] {
    out.backend().rows().channel_sum(s[0] * s[1] * s[2], s[3], layer.weight.data(), out.data());
  });
  return out;
}

bool trains(const ConvBatchNorm& layer) {
  return layer.weight.requires_grad() || layer.gamma.requires_grad() || layer.beta.requires_grad();
}

/// Folds BatchNorm into the weight unless the last fold is still true.
ConvBatchNorm::Folded& fold(ConvBatchNorm& layer, bool summed) {
  ConvBatchNorm::Folded& folded = layer.folded[summed ? 1 : 0];
  std::vector<std::uint64_t> versions = versions_of(layer);
  const bool computed = !folded.in_dry_run || LaunchControl::dry_run();
  if (folded.versions == versions && computed && !(DeviceGraph::recording() && trains(layer))) {
    return folded;
  }
  const Tensor weight = effective_weight(layer, summed);
  Backend& backend = weight.backend();
  if (!folded.weight.defined() || folded.weight.shape() != weight.shape()) {
    // The weight last: where it is there, both are.
    folded.bias = Tensor::empty(backend, {weight.dim(0)}, MemoryTag::kPacked);
    folded.weight = Tensor::empty(backend, weight.shape(), MemoryTag::kPacked);
  }
  launch("fold_batch_norm", [&] {
    backend.normalization().fold_batch_norm(weight.dim(0), weight.numel() / weight.dim(0),
                                            kBatchNormEpsilon, weight.data(), layer.gamma.data(),
                                            layer.beta.data(), layer.mean.data(), layer.var.data(),
                                            folded.weight.data(), folded.bias.data());
  });
  if (DeviceGraph::recording()) {
    versions.clear();  // this fold has only been recorded, so nothing has changed yet
  } else {
    folded.weight.storage().bump_version();
  }
  folded.versions = std::move(versions);
  folded.in_dry_run = LaunchControl::dry_run();
  return folded;
}

Conv2dShape check_shapes(const Tensor& x, const ConvBatchNorm& layer, const Tensor& residual) {
  const Conv2dShape shape = require_conv2d(x, layer.weight, layer.stride, layer.pad, "conv_bn");
  const Shape& w = layer.weight.shape();
  require(x.dim(3) == w[3] || x.dim(3) == 1, "conv_bn", "input ", x.shape(), " has ", x.dim(3),
          " channels but weight ", w, " expects ", w[3]);
  for (const auto& [name, t] : {std::pair{"gamma ", &layer.gamma},
                                {"beta ", &layer.beta},
                                {"mean ", &layer.mean},
                                {"variance ", &layer.var}}) {
    if (t->defined() && t->shape() == Shape{w[0]}) continue;
    fail("conv_bn", name + (t->defined() ? to_string(t->shape()) : std::string("of nothing")) +
                        " does not fit weight " + to_string(w));
  }
  const Shape out{shape.n, shape.oh(), shape.ow(), shape.k};
  require(!residual.defined() || residual.shape() == out, "conv_bn",
          "residual does not have the output's shape ", out);
  return shape;
}

/// Gradients of weight and gamma from one weight gradient G of the folded convolution: BatchNorm in
/// inference form is linear, so <W, G> and the bias gradient give d gamma without the convolution's
/// output (docs/architecture.md, "What the tape keeps").
void affine_gradients(const ConvBatchNorm& layer, const Conv2dShape& shape, const Tensor& x,
                      const Tensor& d, const Tensor& db, GradOut dweight, GradOut dgamma) {
  Backend& backend = x.backend();
  const bool summed = shape.c != layer.weight.dim(3);
  const Tensor weight = effective_weight(layer, summed);
  const std::int64_t taps = weight.numel() / shape.k;
  const Tensor g = Tensor::empty(backend, weight.shape());
  launch_allocating("conv2d_backward_weight", [&] {
    backend.convolution().conv2d_backward_weight(shape, x.data(), d.data(),
                                                 {g.data(), GradMode::kOverwrite});
  });
  const Tensor summed_dweight =
      summed && dweight ? Tensor::empty(backend, weight.shape()) : Tensor();
  const GradOut direct =
      summed && dweight ? GradOut{summed_dweight.data(), GradMode::kOverwrite} : dweight;
  launch("unfold_batch_norm_gradient", [&] {
    backend.normalization().unfold_batch_norm_gradient(
        shape.k, taps, kBatchNormEpsilon, weight.data(), layer.gamma.data(), layer.mean.data(),
        layer.var.data(), g.data(), db.data(), direct, dgamma);
    if (summed && dweight) {
      backend.rows().channel_broadcast(shape.k * taps, layer.weight.dim(3), direct.data, dweight);
    }
  });
}

/// What `affine_gradients` reads of the layer.
ConvBatchNorm save_affine(Op& op, const ConvBatchNorm& layer) {
  ConvBatchNorm saved;
  for (Tensor ConvBatchNorm::*part :
       {&ConvBatchNorm::weight, &ConvBatchNorm::gamma, &ConvBatchNorm::mean, &ConvBatchNorm::var}) {
    saved.*part = op.save_for({kWeight, kGamma}, layer.*part);
  }
  return saved;
}

}  // namespace

Tensor conv_bn(const Tensor& x, ConvBatchNorm& layer, const Tensor& residual, bool relu) {
  const Conv2dShape shape = check_shapes(x, layer, residual);
  Op op("conv_bn", {x, residual, layer.weight, layer.gamma, layer.beta});
  ConvBatchNorm::Folded& folded = fold(layer, shape.c != layer.weight.dim(3));
  Backend& backend = op.backend();
  const Tensor y = op.output({shape.n, shape.oh(), shape.ow(), shape.k});
  launch_allocating("conv2d_forward", [&] {
    backend.convolution().conv2d_forward(
        shape, x.data(), folded.weight.weight_view(), folded.bias.data(),
        residual.defined() ? residual.data() : nullptr, relu, y.data());
  });
  Tensor bits;
  if (relu && op.wants_any()) {
    bits = Tensor::empty(backend, {(y.numel() + 31) / 32}, MemoryTag::kSaved, DType::kU32);
    launch("sign_bits", [&] {
      backend.elementwise().sign_bits(y.numel(), y.data(), bits.data<std::uint32_t>());
    });
  }
  const Tensor kept_x = op.save_for({kWeight, kGamma}, x);
  const Tensor kept_folded = op.save_for({kX}, folded.weight);
  const ConvBatchNorm source = save_affine(op, layer);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& gradients) {
    const std::int64_t pixels = shape.n * shape.oh() * shape.ow();
    if (bits.defined()) {
      launch("mask_by_bits", [&] {
        backend.elementwise().mask_by_bits(dy.numel(), dy.data(), bits.data<std::uint32_t>(),
                                           dy.data());
      });
    }
    const GradOut dx = gradients.of(kX);
    if (dx) {
      launch_allocating("conv2d_backward_data", [&] {
        backend.convolution().conv2d_backward_data(shape, dy.data(), kept_folded.weight_view(), dx);
      });
    }
    if (const GradOut slot = gradients.of(kResidual)) {
      launch("residual_backward",
             [&] { backend.elementwise().axpy(dy.numel(), 1.0f, dy.data(), slot); });
    }
    const GradOut dweight = gradients.of(kWeight), dgamma = gradients.of(kGamma);
    const GradOut dbeta = gradients.of(kBeta);
    if (!dweight && !dgamma && !dbeta) return;
    const Tensor db = Tensor::empty(backend, {shape.k});
    launch("column_sum", [&] {
      backend.rows().column_sum(pixels, shape.k, dy.data(), {db.data(), GradMode::kOverwrite});
      if (dbeta) backend.elementwise().axpy(shape.k, 1.0f, db.data(), dbeta);
    });
    if (dweight || dgamma) {
      affine_gradients(source, shape, kept_x, dy, db, dweight, dgamma);
    }
  });
}

}  // namespace frost
