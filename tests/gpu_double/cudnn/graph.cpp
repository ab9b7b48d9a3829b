#include "tests/gpu_double/cudnn/graph.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/gpu_double/cudnn/status.h"

namespace frost::gpu_double::cudnn {
namespace {

std::string name(const Tensor& tensor) {
  return "the tensor with uid " + std::to_string(tensor.uid);
}

/// Whether two indices may mean the same element.
bool overlaps_itself(const Tensor& tensor) {
  std::vector<std::pair<std::int64_t, std::int64_t>> by_stride;
  for (std::size_t i = 0; i < 4; ++i) {
    if (tensor.dims[i] > 1) by_stride.emplace_back(tensor.strides[i], tensor.dims[i]);
  }
  std::sort(by_stride.begin(), by_stride.end());
  std::int64_t extent = 1;
  for (const auto& [stride, size] : by_stride) {
    if (stride < extent) return true;
    extent += stride * (size - 1);
  }
  return false;
}

}  // namespace

std::int64_t Tensor::span_bytes() const {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < 4; ++i) last += (dims[i] - 1) * strides[i];
  return (last + 1) * element_bytes();
}

const Tensor& Convolution::result() const {
  switch (direction) {
    case Direction::kForward:
      return y;
    case Direction::kBackwardData:
      return x;
    default:
      return w;
  }
}

std::vector<const Tensor*> Convolution::operands() const {
  std::vector<const Tensor*> list;
  for (const Tensor* t : {&x, &w, &y}) {
    if (t != &result()) list.push_back(t);
  }
  return list;
}

std::vector<const Tensor*> Pointwise::operands() const {
  return b ? std::vector<const Tensor*>{&x, &*b} : std::vector<const Tensor*>{&x};
}

const Tensor& written_by(const Operation& operation) {
  return std::visit([](const auto& each) -> const Tensor& { return each.result(); }, operation);
}

std::vector<const Tensor*> read_by(const Operation& operation) {
  return std::visit([](const auto& each) { return each.operands(); }, operation);
}

std::vector<const Tensor*> outer_tensors(const Graph& graph) {
  std::map<std::int64_t, const Tensor*> outer;
  for (const Operation& operation : graph.operations) {
    auto tensors = read_by(operation);
    tensors.push_back(&written_by(operation));
    for (const Tensor* t : tensors) {
      if (!t->is_virtual) outer[t->uid] = t;
    }
  }
  std::vector<const Tensor*> list;
  for (const auto& [uid, tensor] : outer) list.push_back(tensor);
  return list;
}

void check(const Tensor& tensor) {
  if (tensor.type != CUDNN_DATA_FLOAT && tensor.type != CUDNN_DATA_BFLOAT16) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, name(tensor) + " is neither float nor bfloat16");
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (tensor.dims[i] < 1 || tensor.strides[i] < 1) {
      refuse(CUDNN_STATUS_BAD_PARAM, name(tensor) + " has a dimension or stride below 1");
    }
  }
  if (overlaps_itself(tensor)) {
    refuse(CUDNN_STATUS_BAD_PARAM, name(tensor) + " has strides by which elements overlap");
  }
  if (tensor.alignment < tensor.element_bytes() ||
      !std::has_single_bit(static_cast<std::uint64_t>(tensor.alignment))) {
    refuse(CUDNN_STATUS_BAD_PARAM,
           name(tensor) + " has an alignment that is no power of two or less than an element");
  }
}

void check(const Window& window) {
  for (std::size_t i = 0; i < 2; ++i) {
    if (window.pad_before[i] < 0 || window.pad_after[i] < 0 || window.stride[i] < 1 ||
        window.dilation[i] < 1) {
      refuse(CUDNN_STATUS_BAD_PARAM,
             "a convolution has a negative padding, or a stride or dilation below 1");
    }
  }
}

void check(const Convolution& convolution) {
  const auto& [direction, x, w, y, window, alpha, beta] = convolution;
  if (x.dims[0] != y.dims[0] || x.dims[1] != w.dims[1] || y.dims[1] != w.dims[0]) {
    refuse(CUDNN_STATUS_BAD_PARAM,
           "x, w and y of a convolution differ in images, channels or filters");
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = window.dilation[i] * (w.dims[2 + i] - 1) + 1;
    const std::int64_t free = x.dims[2 + i] + window.pad_before[i] + window.pad_after[i] - reach;
    if (free < 0 || y.dims[2 + i] != free / window.stride[i] + 1) {
      refuse(CUDNN_STATUS_BAD_PARAM, "y of a convolution has another size than its window gives");
    }
  }
}

void check(const Pointwise& pointwise) {
  const bool add = pointwise.mode == CUDNN_POINTWISE_ADD;
  if (!add && pointwise.mode != CUDNN_POINTWISE_RELU_FWD) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED, "pointwise operations are ADD and RELU_FWD");
  }
  if (add != pointwise.b.has_value()) {
    refuse(CUDNN_STATUS_BAD_PARAM, "ADD takes two tensors, RELU_FWD one");
  }
  bool fits = pointwise.x.dims == pointwise.y.dims;
  for (std::size_t i = 0; pointwise.b && i < 4; ++i) {
    const std::int64_t size = pointwise.b->dims[i];
    fits = fits && (size == 1 || size == pointwise.y.dims[i]);
  }
  if (!fits) {
    refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
           "tensors of a pointwise operation differ in size and cannot be broadcast");
  }
}

void check(const Graph& graph) {
  std::map<std::int64_t, const Tensor*> seen;
  std::set<std::int64_t> written, unread;
  const auto meet = [&](const Tensor& t) {
    const auto [known, is_new] = seen.try_emplace(t.uid, &t);
    if (!is_new && *known->second != t) {
      refuse(CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES,
             "two different tensors of a graph have the uid " + std::to_string(t.uid));
    }
    return is_new;
  };
  for (const Operation& operation : graph.operations) {
    const bool first = &operation == &graph.operations.front();
    if (std::holds_alternative<Convolution>(operation) != first) {
      refuse(CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN,
             "a graph is a convolution and then pointwise operations");
    }
    for (const Tensor* t : read_by(operation)) {
      meet(*t);
      unread.erase(t->uid);
      if (t->is_virtual && !written.contains(t->uid)) {
        refuse(CUDNN_STATUS_BAD_PARAM,
               "nothing before its reader writes " + name(*t) + ", which is virtual");
      }
    }
    const Tensor& result = written_by(operation);
    if (!meet(result)) {
      refuse(CUDNN_STATUS_BAD_PARAM, name(result) + " is written after it was read or written");
    }
    written.insert(result.uid);
    if (result.is_virtual) unread.insert(result.uid);
  }
  if (!unread.empty()) {
    refuse(CUDNN_STATUS_BAD_PARAM,
           "nothing reads the virtual tensor with uid " + std::to_string(*unread.begin()));
  }
}

}  // namespace frost::gpu_double::cudnn
