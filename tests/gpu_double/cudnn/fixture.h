#pragma once

#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/gpu_double/cudnn/graph.h"
#include "tests/gpu_double/settings.h"

// Descriptors for tests of the double of cuDNN, made through its C functions.
namespace frost::gpu_double::cudnn {

template <class T>
constexpr cudnnBackendAttributeType_t type_of() {
  if constexpr (std::is_same_v<T, std::int64_t>) return CUDNN_TYPE_INT64;
  if constexpr (std::is_same_v<T, float>) return CUDNN_TYPE_FLOAT;
  if constexpr (std::is_same_v<T, bool>) return CUDNN_TYPE_BOOLEAN;
  if constexpr (std::is_same_v<T, void*>) return CUDNN_TYPE_VOID_PTR;
  if constexpr (std::is_same_v<T, cudnnHandle_t>) return CUDNN_TYPE_HANDLE;
  if constexpr (std::is_same_v<T, cudnnDataType_t>) return CUDNN_TYPE_DATA_TYPE;
  if constexpr (std::is_same_v<T, cudnnConvolutionMode_t>) return CUDNN_TYPE_CONVOLUTION_MODE;
  if constexpr (std::is_same_v<T, cudnnPointwiseMode_t>) return CUDNN_TYPE_POINTWISE_MODE;
  if constexpr (std::is_same_v<T, cudnnBackendHeurMode_t>) return CUDNN_TYPE_HEUR_MODE;
  if constexpr (std::is_same_v<T, cudnnBackendNumericalNote_t>) return CUDNN_TYPE_NUMERICAL_NOTE;
  if constexpr (std::is_same_v<T, cudnnBackendBehaviorNote_t>) return CUDNN_TYPE_BEHAVIOR_NOTE;
}

inline std::string last_error() {
  char text[256];
  cudnnGetLastErrorString(text, sizeof text);
  return text;
}

/// Owns a descriptor.
class Made {
 public:
  explicit Made(cudnnBackendDescriptorType_t type) {
    EXPECT_EQ(cudnnBackendCreateDescriptor(type, &raw_), CUDNN_STATUS_SUCCESS) << last_error();
  }
  ~Made() {
    if (raw_ != nullptr) cudnnBackendDestroyDescriptor(raw_);
  }
  Made(Made&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}

  template <class T>
  cudnnStatus_t set(cudnnBackendAttributeName_t name, std::vector<T> values) {
    return cudnnBackendSetAttribute(raw_, name, type_of<T>(),
                                    static_cast<std::int64_t>(values.size()), values.data());
  }
  cudnnStatus_t set_children(cudnnBackendAttributeName_t name,
                             const std::vector<const Made*>& children) {
    std::vector<cudnnBackendDescriptor_t> raw;
    for (const Made* child : children) raw.push_back(child->raw_);
    return cudnnBackendSetAttribute(raw_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                    static_cast<std::int64_t>(raw.size()), raw.data());
  }

  template <class T, class... More>
  Made& with(cudnnBackendAttributeName_t name, const T& first, const More&... more) {
    const T values[] = {first, more...};
    EXPECT_EQ(cudnnBackendSetAttribute(raw_, name, type_of<T>(), 1 + sizeof...(more), values),
              CUDNN_STATUS_SUCCESS)
        << last_error();
    return *this;
  }
  Made& with(cudnnBackendAttributeName_t name, const Made& child) {
    EXPECT_EQ(set_children(name, {&child}), CUDNN_STATUS_SUCCESS) << last_error();
    return *this;
  }
  template <class T>
  Made& with_all(cudnnBackendAttributeName_t name, const std::vector<T>& values) {
    EXPECT_EQ(set(name, values), CUDNN_STATUS_SUCCESS) << last_error();
    return *this;
  }
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name) const {
    std::vector<T> values(16);
    std::int64_t count = 0;
    EXPECT_EQ(cudnnBackendGetAttribute(raw_, name, type_of<T>(), 16, &count, values.data()),
              CUDNN_STATUS_SUCCESS)
        << last_error();
    values.resize(static_cast<std::size_t>(count));
    return values;
  }

  cudnnStatus_t finalize() { return cudnnBackendFinalize(raw_); }
  Made finalized() && {
    EXPECT_EQ(finalize(), CUDNN_STATUS_SUCCESS) << last_error();
    return std::move(*this);
  }
  cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

inline Dims nhwc(const Dims& d) {
  return {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]};
}
inline Dims nchw(const Dims& d) {
  return {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1};
}
inline Tensor channels_last(std::int64_t uid, const Dims& dims,
                            cudnnDataType_t type = CUDNN_DATA_FLOAT) {
  return {type, dims, nhwc(dims), uid, 16, false};
}
inline Tensor inner(std::int64_t uid, const Dims& dims) {
  return {CUDNN_DATA_FLOAT, dims, nhwc(dims), uid, 16, true};
}

/// Of 2 images of 5x6 and 4 channels with 8 filters of 3x3, without any epilogue.
inline Convolution small_convolution(cudnnDataType_t type = CUDNN_DATA_FLOAT) {
  Convolution made;
  made.x = channels_last(1, {2, 4, 5, 6}, type);
  made.w = channels_last(2, {8, 4, 3, 3}, type);
  made.y = channels_last(3, {2, 8, 5, 6}, type);
  made.window = {{1, 1}, {1, 1}, {1, 1}, {1, 1}, false};
  return made;
}

/// y = relu(conv(x, w) + b) with inner tensors 100 and 101, and b with uid 4.
inline Graph fused_graph() {
  Convolution convolution = small_convolution();
  const Tensor y = convolution.y, sum = inner(100, y.dims), biased = inner(101, y.dims);
  convolution.y = sum;
  return {{convolution, Pointwise{CUDNN_POINTWISE_ADD, sum, channels_last(4, {1, 8, 1, 1}), biased},
           Pointwise{CUDNN_POINTWISE_RELU_FWD, biased, std::nullopt, y}}};
}

// Not yet finalized.
inline Made unfinished(const Tensor& tensor) {
  Made made(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  made.with(CUDNN_ATTR_TENSOR_DATA_TYPE, tensor.type)
      .with_all(CUDNN_ATTR_TENSOR_DIMENSIONS,
                std::vector<std::int64_t>(tensor.dims.begin(), tensor.dims.end()))
      .with_all(CUDNN_ATTR_TENSOR_STRIDES,
                std::vector<std::int64_t>(tensor.strides.begin(), tensor.strides.end()))
      .with(CUDNN_ATTR_TENSOR_UNIQUE_ID, tensor.uid)
      .with(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, tensor.alignment)
      .with(CUDNN_ATTR_TENSOR_IS_VIRTUAL, tensor.is_virtual);
  return made;
}
inline Made unfinished(const Window& window) {
  Made made(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  made.with(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .with(CUDNN_ATTR_CONVOLUTION_CONV_MODE,
            window.flipped ? CUDNN_CONVOLUTION : CUDNN_CROSS_CORRELATION)
      .with(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .with(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, window.pad_before[0], window.pad_before[1])
      .with(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, window.pad_after[0], window.pad_after[1])
      .with(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, window.stride[0], window.stride[1])
      .with(CUDNN_ATTR_CONVOLUTION_DILATIONS, window.dilation[0], window.dilation[1]);
  return made;
}
/// A forward convolution.
inline Made unfinished(const Convolution& convolution) {
  const Made x = unfinished(convolution.x).finalized(), w = unfinished(convolution.w).finalized(),
             y = unfinished(convolution.y).finalized(),
             window = unfinished(convolution.window).finalized();
  Made made(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  made.with(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x)
      .with(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w)
      .with(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y)
      .with(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window)
      .with(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, convolution.alpha)
      .with(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, convolution.beta);
  return made;
}
inline Made unfinished(const Pointwise& pointwise) {
  Made mode(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  mode.with(CUDNN_ATTR_POINTWISE_MODE, pointwise.mode)
      .with(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  const Made kind = std::move(mode).finalized();
  const Made x = unfinished(pointwise.x).finalized(), y = unfinished(pointwise.y).finalized();
  Made made(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  made.with(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind)
      .with(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
      .with(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  if (pointwise.b) {
    const Made b = unfinished(*pointwise.b).finalized();
    made.with(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  }
  return made;
}

/// A handle on a stream of its own, and what is planned and run with it.
class Library {
 public:
  Library() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudnnCreate(&handle_), CUDNN_STATUS_SUCCESS) << last_error();
    EXPECT_EQ(cudnnSetStream(handle_, stream_), CUDNN_STATUS_SUCCESS);
  }
  ~Library() {
    cudnnDestroy(handle_);
    cudaStreamDestroy(stream_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  cudnnHandle_t handle() const { return handle_; }

  Made unfinished_graph(const Graph& graph) const {
    std::vector<Made> operations;
    std::vector<const Made*> list;
    for (const Operation& operation : graph.operations) {
      operations.push_back(
          std::visit([](const auto& each) { return unfinished(each).finalized(); }, operation));
    }
    for (const Made& operation : operations) list.push_back(&operation);
    Made made(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    EXPECT_EQ(made.set_children(CUDNN_ATTR_OPERATIONGRAPH_OPS, list), CUDNN_STATUS_SUCCESS);
    made.with(kGraphHandle, handle_);
    return made;
  }

  /// Engine configurations that a heuristic offers.
  std::vector<Made> configs(const Graph& graph, cudnnBackendHeurMode_t mode) const {
    const Made operations = unfinished_graph(graph).finalized();
    Made asked(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    asked.with(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operations)
        .with(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
    const Made heuristics = std::move(asked).finalized();
    std::int64_t count = 0;
    EXPECT_EQ(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              CUDNN_STATUS_SUCCESS);
    std::vector<Made> made;
    std::vector<cudnnBackendDescriptor_t> raw;
    for (std::int64_t i = 0; i < count; ++i) {
      raw.push_back(made.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
    }
    EXPECT_EQ(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()),
              CUDNN_STATUS_SUCCESS);
    return made;
  }

  Made unfinished_plan(const Made& config) const {
    Made made(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    made.with(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config).with(kPlanHandle, handle_);
    return made;
  }

  cudnnStatus_t execute(const Made& plan, const std::map<std::int64_t, void*>& data,
                        void* workspace) const {
    std::vector<std::int64_t> uids;
    std::vector<void*> pointers;
    for (const auto& [uid, pointer] : data) {
      uids.push_back(uid);
      pointers.push_back(pointer);
    }
    Made made(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    made.with_all(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, uids)
        .with_all(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers)
        .with(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
    const Made pack = std::move(made).finalized();
    return cudnnBackendExecute(handle_, plan.raw(), pack.raw());
  }

 private:
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  static constexpr cudnnBackendAttributeName_t kGraphHandle = CUDNN_ATTR_OPERATIONGRAPH_HANDLE;
  static constexpr cudnnBackendAttributeName_t kPlanHandle = CUDNN_ATTR_EXECUTION_PLAN_HANDLE;
#pragma GCC diagnostic pop

  cudaStream_t stream_ = nullptr;
  cudnnHandle_t handle_ = nullptr;
};

}  // namespace frost::gpu_double::cudnn
