#pragma once

#include <string>

#include "engine/launch.h"
#include "engine/tensor.h"
#include "kernels/backend.h"
#include "kernels/errors.h"

namespace frost {

/// What a message says of a part of it.
inline std::string text_of(const std::string& text) {
  return text;
}
inline std::string text_of(std::int64_t number) {
  return std::to_string(number);
}
inline std::string text_of(const Shape& shape) {
  return to_string(shape);
}

/// Throws `[op] message` unless `ok`: texts, numbers and shapes one behind the other, put together
/// only then, since ops are called more often than anything else.
template <class... Parts>
void require(bool ok, const char* op, const Parts&... parts) {
  if (!ok) fail(op, (std::string() + ... + text_of(parts)));
}

/// Throws unless `t` has `rank` dimensions; `what` names it.
inline void require_rank(const Tensor& t, std::size_t rank, const char* op, const char* what) {
  if (t.defined() && t.shape().size() == rank) return;
  fail(op, std::string(what) + " must have " + std::to_string(rank) + " dimensions, got " +
               (t.defined() ? to_string(t.shape()) : "nothing"));
}

/// Throws unless `t` holds elements of this type; `what` names it.
inline void require_dtype(const Tensor& t, DType dtype, const char* op, const char* what) {
  if (t.defined() && t.dtype() == dtype) return;
  fail(op, std::string(what) + " must hold " + to_string(dtype) + ", got " +
               (t.defined() ? to_string(t.dtype()) : "nothing"));
}

/// Throws unless `t` holds int32 in [0, limit). On a device whose memory the host cannot read only
/// the type is checked: looking at the values would wait for the device.
inline void require_indices(const Tensor& t, std::int64_t limit, const char* op, const char* what) {
  require_dtype(t, DType::kI32, op, what);
  if (!t.backend().host_readable() || LaunchControl::dry_run()) return;
  const std::int32_t* values = t.data<std::int32_t>();
  for (std::int64_t i = 0, n = t.numel(); i < n; ++i) {
    if (values[i] >= 0 && values[i] < limit) continue;
    fail(op, std::string(what) + " " + std::to_string(values[i]) + " at " + std::to_string(i) +
                 " is not in [0, " + std::to_string(limit) + ")");
  }
}

/// The convolution of x [n,h,w,c] with weight [k,kh,kw,*]. Throws where no kernel can compute it;
/// the batch may be empty. Whether the channels fit is for the op to say.
inline Conv2dShape require_conv2d(const Tensor& x, const Tensor& weight, std::int64_t stride,
                                  std::int64_t pad, const char* op) {
  require_rank(x, 4, op, "input");
  require_rank(weight, 4, op, "weight");
  require(stride > 0 && pad >= 0, op, "stride ", stride, " must be positive and padding ", pad,
          " not negative");
  const Shape& w = weight.shape();
  require(x.dim(1) > 0 && x.dim(2) > 0 && x.dim(3) > 0 && weight.numel() > 0, op, "input ",
          x.shape(), " or weight ", w, " is empty in a dimension other than the batch");
  const Conv2dShape shape{x.dim(0), x.dim(1), x.dim(2), x.dim(3), w[0], w[1], w[2], stride, pad};
  require(shape.h + 2 * pad >= shape.kh && shape.w + 2 * pad >= shape.kw, op, "input ", x.shape(),
          " is smaller than the kernel ", w);
  return shape;
}

}  // namespace frost
