#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {

Tensor max_pool2d(const Tensor& x, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  require_rank(x, 4, "max_pool2d", "input");
  require(stride > 0 && pad >= 0, "max_pool2d", "stride ", stride, " must be positive and padding ",
          pad, " not negative");
  require(kernel > 0 && kernel <= 15 && pad < kernel && x.dim(1) > 0 && x.dim(2) > 0 &&
              x.dim(1) + 2 * pad >= kernel && x.dim(2) + 2 * pad >= kernel,
          "max_pool2d", "a window of ", kernel, " does not fit ", x.shape());
  const Pool2dShape shape{x.dim(0), x.dim(1), x.dim(2), x.dim(3), kernel, stride, pad};
  Op op("max_pool2d", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output({shape.n, shape.oh(), shape.ow(), shape.c});
  const Tensor index =
      op.wants(0) ? Tensor::empty(backend, y.shape(), MemoryTag::kSaved, DType::kU8) : Tensor();
  launch("max_pool2d_forward", [&] {
    backend.pooling().max_pool2d_forward(shape, x.data(), y.data(),
                                         index.defined() ? index.data<std::uint8_t>() : nullptr);
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("max_pool2d_backward", [&] {
      backend.pooling().max_pool2d_backward(shape, dy.data(), index.data<std::uint8_t>(), dx);
    });
  });
}

Tensor global_avg_pool(const Tensor& x) {
  require_rank(x, 4, "global_avg_pool", "input");
  const std::int64_t n = x.dim(0), pixels = x.dim(1) * x.dim(2), c = x.dim(3);
  require(pixels > 0, "global_avg_pool", "input ", x.shape(), " has no pixels");
  Op op("global_avg_pool", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output({n, c});
  launch("global_avg_pool_forward",
         [&] { backend.pooling().global_avg_pool_forward(n, pixels, c, x.data(), y.data()); });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("global_avg_pool_backward",
           [&] { backend.pooling().global_avg_pool_backward(n, pixels, c, dy.data(), dx); });
  });
}

}  // namespace frost
