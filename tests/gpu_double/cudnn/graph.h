#pragma once

#include <cudnn.h>

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

// What descriptors of operations stand for, once they are finalized.
namespace frost::gpu_double::cudnn {

using Dims = std::array<std::int64_t, 4>;

/// Dims are n, c, h, w or k, c, kh, kw; strides in elements, of any layout.
struct Tensor {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  Dims dims{};
  Dims strides{};
  std::int64_t uid = 0;
  std::int64_t alignment = 1;  ///< bytes
  bool is_virtual = false;     ///< exists only inside its graph

  bool operator==(const Tensor&) const = default;

  std::int64_t elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  std::int64_t element_bytes() const { return type == CUDNN_DATA_FLOAT ? 4 : 2; }
  /// From the first element to the end of the last.
  std::int64_t span_bytes() const;
};

/// How a filter goes over the two spatial dimensions.
struct Window {
  using Pair = std::array<std::int64_t, 2>;
  Pair pad_before{}, pad_after{}, stride{}, dilation{};
  bool flipped = false;  ///< a convolution in the mathematical sense, not a cross-correlation
};

enum class Direction { kForward, kBackwardData, kBackwardFilter };

/// For a gradient x is dx, w is dw or y is dy. result = alpha * sums + beta * result.
struct Convolution {
  Direction direction = Direction::kForward;
  Tensor x, w, y;
  Window window;
  float alpha = 1;
  float beta = 0;

  const Tensor& result() const;
  /// Without what is read of the result for beta.
  std::vector<const Tensor*> operands() const;
};

/// y = x + b with b broadcast, or y = relu(x).
struct Pointwise {
  cudnnPointwiseMode_t mode = CUDNN_POINTWISE_ADD;
  Tensor x;
  std::optional<Tensor> b;
  Tensor y;

  const Tensor& result() const { return y; }
  std::vector<const Tensor*> operands() const;
};

using Operation = std::variant<Convolution, Pointwise>;

/// A convolution, and pointwise operations in the order in which they are computed.
struct Graph {
  std::vector<Operation> operations;

  const Convolution& convolution() const { return std::get<Convolution>(operations.front()); }
};

const Tensor& written_by(const Operation& operation);
std::vector<const Tensor*> read_by(const Operation& operation);
// What they refer to would go with a temporary.
const Tensor& written_by(Operation&&) = delete;
std::vector<const Tensor*> read_by(Operation&&) = delete;
/// Those that a variant pack must have, once each.
std::vector<const Tensor*> outer_tensors(const Graph& graph);

// Each throws Refusal with what is wrong.
void check(const Tensor& tensor);
void check(const Window& window);
void check(const Convolution& convolution);
void check(const Pointwise& pointwise);
void check(const Graph& graph);

}  // namespace frost::gpu_double::cudnn
