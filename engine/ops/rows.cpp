#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {
namespace {

std::int64_t row_size(const Tensor& x) {
  return x.dim(0) == 0 ? 0 : x.numel() / x.dim(0);
}

Shape with_rows(Shape shape, std::int64_t rows) {
  shape[0] = rows;
  return shape;
}

constexpr GradMode kWrite = GradMode::kOverwrite;

}  // namespace

Tensor concat_rows(const std::vector<Tensor>& parts) {
  require(!parts.empty(), "concat_rows", "nothing to concatenate");
  if (parts.size() == 1) return parts.front();
  std::int64_t rows = 0;
  for (const Tensor& part : parts) {
    rows += part.dim(0);
    require(with_rows(part.shape(), 0) == with_rows(parts.front().shape(), 0), "concat_rows",
            part.shape(), " does not continue ", parts.front().shape());
  }
  Op op("concat_rows", parts);
  Backend& backend = op.backend();
  const Tensor y = op.output(with_rows(parts.front().shape(), rows));
  std::vector<std::int64_t> sizes;
  launch("concat_rows", [&] {
    float* at = y.data();
    for (const Tensor& part : parts) {
      backend.elementwise().axpy(part.numel(), 1.0f, part.data(), {at, kWrite});
      at += part.numel();
    }
  });
  for (const Tensor& part : parts) sizes.push_back(part.numel());
  return op.finish(y, [sizes, &backend](const Tensor& dy, GradSlots& g) {
    const float* at = dy.data();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const GradOut slot = g.of(i);
      if (slot)
        launch("concat_rows_backward",
               [&] { backend.elementwise().axpy(sizes[i], 1.0f, at, slot); });
      at += sizes[i];
    }
  });
}

Tensor concat_cols(const Tensor& a, const Tensor& b) {
  require_rank(a, 2, "concat_cols", "left part");
  require_rank(b, 2, "concat_cols", "right part");
  require(a.dim(0) == b.dim(0), "concat_cols", "row counts differ: ", a.shape(), " and ",
          b.shape());
  const std::int64_t rows = a.dim(0), left = a.dim(1), right = b.dim(1), cols = left + right;
  Op op("concat_cols", {a, b});
  Backend& backend = op.backend();
  const Tensor y = op.output({rows, cols});
  launch("concat_cols", [&] {
    backend.rows().copy_rows(rows, left, a.data(), left, {y.data(), kWrite}, cols);
    backend.rows().copy_rows(rows, right, b.data(), right, {y.data() + left, kWrite}, cols);
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut da = g.of(0), db = g.of(1);
    launch("concat_cols_backward", [&] {
      if (da) backend.rows().copy_rows(rows, left, dy.data(), cols, da, left);
      if (db) backend.rows().copy_rows(rows, right, dy.data() + left, cols, db, right);
    });
  });
}

Tensor narrow_rows(const Tensor& x, std::int64_t begin, std::int64_t count) {
  require(begin >= 0 && count >= 0 && begin + count <= x.dim(0), "narrow_rows", "rows ", begin,
          "..", begin + count, " of ", x.shape(), " do not exist");
  if (count == x.dim(0)) return x;
  const std::int64_t size = row_size(x), total = x.numel();
  Op op("narrow_rows", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output(with_rows(x.shape(), count));
  launch("narrow_rows", [&] {
    backend.elementwise().axpy(count * size, 1.0f, x.data() + begin * size, {y.data(), kWrite});
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("narrow_rows_backward", [&] {
      if (dx.mode == kWrite) {
        backend.fill_zero(dx.data, static_cast<std::size_t>(total) * sizeof(float));
      }
      backend.elementwise().axpy(count * size, 1.0f, dy.data(),
                                 {dx.data + begin * size, GradMode::kAccumulate});
    });
  });
}

Tensor narrow_cols(const Tensor& x, std::int64_t begin, std::int64_t count) {
  require_rank(x, 2, "narrow_cols", "input");
  require(begin >= 0 && count >= 0 && begin + count <= x.dim(1), "narrow_cols", "columns ", begin,
          "..", begin + count, " of ", x.shape(), " do not exist");
  if (count == x.dim(1)) return x;
  const std::int64_t rows = x.dim(0), cols = x.dim(1);
  Op op("narrow_cols", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output({rows, count});
  launch("narrow_cols", [&] {
    backend.rows().copy_rows(rows, count, x.data() + begin, cols, {y.data(), kWrite}, count);
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("narrow_cols_backward", [&] {
      if (dx.mode == kWrite) {
        backend.fill_zero(dx.data, static_cast<std::size_t>(rows * cols) * sizeof(float));
      }
      backend.rows().copy_rows(rows, count, dy.data(), count,
                               {dx.data + begin, GradMode::kAccumulate}, cols);
    });
  });
}

Tensor gather_rows(const Tensor& x, const Tensor& index) {
  require(!x.requires_grad(), "gather_rows", "passes no gradient, but its input wants one");
  require_dtype(x, DType::kF32, "gather_rows", "input");
  require_indices(index, x.dim(0), "gather_rows", "index");
  const Tensor y = Tensor::empty(x.backend(), with_rows(x.shape(), index.numel()));
  launch("gather_rows", [&] {
    y.backend().rows().gather_rows(index.numel(), row_size(x), index.data<std::int32_t>(), x.data(),
                                   y.data());
  });
  return Op("gather_rows", {x}).finish(y, {});
}

Tensor pad_cols(const Tensor& x, std::int64_t cols) {
  require_rank(x, 2, "pad_cols", "input");
  require(cols >= x.dim(1), "pad_cols", x.shape(), " has more than ", cols, " columns");
  const std::int64_t rows = x.dim(0), from = x.dim(1);
  Op op("pad_cols", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output({rows, cols});
  launch("pad_cols", [&] {
    backend.fill_zero(y.data(), y.bytes());
    backend.rows().copy_rows(rows, from, x.data(), from, {y.data(), kWrite}, cols);
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("pad_cols_backward",
           [&] { backend.rows().copy_rows(rows, from, dy.data(), cols, dx, from); });
  });
}

Tensor pad_rows(const Tensor& x, std::int64_t rows) {
  require(rows >= x.dim(0), "pad_rows", x.shape(), " has more than ", rows, " rows");
  if (rows == x.dim(0)) return x;
  const std::int64_t n = x.numel();
  Op op("pad_rows", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output(with_rows(x.shape(), rows));
  launch("pad_rows", [&] {
    backend.elementwise().axpy(n, 1.0f, x.data(), {y.data(), kWrite});
    backend.fill_zero(y.data() + n, y.bytes() - x.bytes());
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("pad_rows_backward", [&] { backend.elementwise().axpy(n, 1.0f, dy.data(), dx); });
  });
}

Tensor repeat_segments(const Tensor& x, const Tensor& offsets, const Tensor& segment_of) {
  require_rank(x, 2, "repeat_segments", "input");
  require_dtype(offsets, DType::kI32, "repeat_segments", "offsets");
  require_indices(segment_of, x.dim(0), "repeat_segments", "segment");
  require(offsets.numel() == x.dim(0) + 1, "repeat_segments", offsets.numel(),
          " offsets do not describe ", x.dim(0), " segments");
  const std::int64_t segments = x.dim(0), cols = x.dim(1), rows = segment_of.numel();
  Op op("repeat_segments", {x});
  Backend& backend = op.backend();
  const Tensor y = op.output({rows, cols});
  launch("gather_rows", [&] {
    backend.rows().gather_rows(rows, cols, segment_of.data<std::int32_t>(), x.data(), y.data());
  });
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dx = g.of(0);
    launch("segment_sum", [&] {
      backend.rows().segment_sum(segments, cols, offsets.data<std::int32_t>(), dy.data(), dx);
    });
  });
}

}  // namespace frost
