#include "tests/gpu_double/cudnn/values.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "tests/gpu_double/cudnn/schema.h"
#include "tests/gpu_double/cudnn/status.h"

namespace frost::gpu_double::cudnn {
namespace {

/// Typed access; the types were checked when the attributes were set.
class Reader {
 public:
  explicit Reader(const Attributes& attributes) : attributes_(attributes) {}

  template <class T>
  std::vector<T> all(cudnnBackendAttributeName_t name) const {
    const auto found = attributes_.find(name);
    if (found == attributes_.end()) return {};
    std::vector<T> values(static_cast<std::size_t>(found->second.count));
    std::copy_n(found->second.bytes.data(), found->second.bytes.size(),
                reinterpret_cast<std::byte*>(values.data()));
    return values;
  }

  template <class T>
  T one(cudnnBackendAttributeName_t name, T otherwise = {}) const {
    const auto found = attributes_.find(name);
    if (found != attributes_.end()) std::memcpy(&otherwise, found->second.bytes.data(), sizeof(T));
    return otherwise;
  }

  template <std::size_t N>
  std::array<std::int64_t, N> exactly(cudnnBackendAttributeName_t name,
                                      cudnnStatus_t otherwise) const {
    const auto values = all<std::int64_t>(name);
    std::array<std::int64_t, N> array{};
    if (values.size() != N) {
      refuse(otherwise, text_of(name) + " has " + std::to_string(values.size()) +
                            " elements, not " + std::to_string(N));
    }
    std::copy(values.begin(), values.end(), array.begin());
    return array;
  }

  template <class T>
  std::vector<T> children(cudnnBackendAttributeName_t name) const {
    std::vector<T> values;
    const auto found = attributes_.find(name);
    if (found == attributes_.end()) return values;
    for (const auto& child : found->second.children) {
      const T* value = std::get_if<T>(&child->value);
      if (value == nullptr) {
        refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE,
               text_of(name) + " is a descriptor of another type than it takes");
      }
      values.push_back(*value);
    }
    return values;
  }

  template <class T>
  T child(cudnnBackendAttributeName_t name) const {
    return children<T>(name).front();
  }

 private:
  const Attributes& attributes_;
};

Tensor make_tensor(const Reader& from) {
  Tensor tensor;
  tensor.type = from.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  tensor.dims = from.exactly<4>(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_STATUS_NOT_SUPPORTED_SHAPE);
  tensor.strides = from.exactly<4>(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_STATUS_BAD_PARAM);
  tensor.uid = from.one<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
  tensor.alignment = from.one<std::int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  tensor.is_virtual = from.one<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  check(tensor);
  return tensor;
}

void require_float(const Reader& from, cudnnBackendAttributeName_t name) {
  if (from.one<cudnnDataType_t>(name) != CUDNN_DATA_FLOAT) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, text_of(name) + ": sums are float");
  }
}

Window make_window(const Reader& from) {
  const auto pair = [&](cudnnBackendAttributeName_t name) {
    return from.exactly<2>(name, CUDNN_STATUS_BAD_PARAM);
  };
  if (from.one<std::int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED_SHAPE, "a convolution has two spatial dimensions");
  }
  require_float(from, CUDNN_ATTR_CONVOLUTION_COMP_TYPE);
  Window window;
  window.pad_before = pair(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  window.pad_after = pair(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  window.stride = pair(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  window.dilation = pair(CUDNN_ATTR_CONVOLUTION_DILATIONS);
  window.flipped =
      from.one<cudnnConvolutionMode_t>(CUDNN_ATTR_CONVOLUTION_CONV_MODE) == CUDNN_CONVOLUTION;
  check(window);
  return window;
}

/// How one direction of a convolution spells its attributes.
struct ConvolutionNames {
  cudnnBackendAttributeName_t x, w, y, window, alpha, beta;
};

constexpr ConvolutionNames names_of(Direction direction) {
  switch (direction) {
    case Direction::kForward:
      return {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::kBackwardData:
      return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    default:
      return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
}

Operation make_convolution(const Reader& from, Direction direction) {
  const ConvolutionNames names = names_of(direction);
  Convolution convolution;
  convolution.direction = direction;
  convolution.x = from.child<Tensor>(names.x);
  convolution.w = from.child<Tensor>(names.w);
  convolution.y = from.child<Tensor>(names.y);
  convolution.window = from.child<Window>(names.window);
  convolution.alpha = from.one<float>(names.alpha, 1);
  convolution.beta = from.one<float>(names.beta, 0);
  check(convolution);
  return convolution;
}

Operation make_pointwise(const Reader& from) {
  Pointwise pointwise;
  pointwise.mode = from.child<cudnnPointwiseMode_t>(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  pointwise.x = from.child<Tensor>(CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
  pointwise.y = from.child<Tensor>(CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  const auto b = from.children<Tensor>(CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
  if (!b.empty()) pointwise.b = b.front();
  check(pointwise);
  return pointwise;
}

std::shared_ptr<const Graph> make_graph(const Reader& from) {
  Graph graph{from.children<Operation>(CUDNN_ATTR_OPERATIONGRAPH_OPS)};
  check(graph);
  return std::make_shared<const Graph>(std::move(graph));
}

std::vector<Candidate> make_candidates(const Reader& from) {
  const auto graph =
      from.child<std::shared_ptr<const Graph>>(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
  const auto mode = from.one<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE);
  std::vector<Candidate> candidates;
  for (Engine& engine : offered_engines(*graph, mode, settings().engines)) {
    candidates.push_back({graph, std::move(engine)});
  }
  return candidates;
}

Plan make_plan(const Reader& from) {
  const auto candidate = from.child<Candidate>(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  build(candidate.engine);
  return {candidate, workspace_bytes(candidate.engine, *candidate.graph, settings().engines)};
}

VariantPack make_variant_pack(const Reader& from) {
  const auto uids = from.all<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto data = from.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  if (uids.size() != data.size()) {
    refuse(CUDNN_STATUS_BAD_PARAM, "a variant pack has " + std::to_string(uids.size()) +
                                       " uids and " + std::to_string(data.size()) + " pointers");
  }
  VariantPack pack;
  for (std::size_t i = 0; i < uids.size(); ++i) {
    if (!pack.data.emplace(uids[i], data[i]).second) {
      refuse(CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES,
             "a variant pack has the uid " + std::to_string(uids[i]) + " twice");
    }
  }
  pack.workspace = from.one<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  return pack;
}

template <class T>
Attribute attribute_of(cudnnBackendAttributeType_t type, const std::vector<T>& values) {
  Attribute attribute{type, static_cast<std::int64_t>(values.size())};
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  attribute.bytes.assign(bytes, bytes + values.size() * sizeof(T));
  return attribute;
}

template <class T>
Attribute attribute_of_children(const std::vector<T>& values) {
  Attribute attribute{CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(values.size())};
  for (const T& value : values) {
    attribute.children.push_back(std::make_shared<const Value>(Value{value}));
  }
  return attribute;
}

}  // namespace

Value make_value(cudnnBackendDescriptorType_t type, const Attributes& attributes) {
  const Reader from(attributes);
  switch (type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
      return {make_tensor(from)};
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
      return {make_window(from)};
    case CUDNN_BACKEND_POINTWISE_DESCRIPTOR:
      require_float(from, CUDNN_ATTR_POINTWISE_MATH_PREC);
      return {from.one<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE)};
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      return {make_convolution(from, Direction::kForward)};
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return {make_convolution(from, Direction::kBackwardData)};
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      return {make_convolution(from, Direction::kBackwardFilter)};
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
      return {make_pointwise(from)};
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
      return {make_graph(from)};
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
      return {make_candidates(from)};
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
      return {make_plan(from)};
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
      return {make_variant_pack(from)};
    default:
      refuse(CUDNN_STATUS_NOT_SUPPORTED, "descriptors of this type are filled by queries only");
  }
}

std::optional<Attribute> derived(const Value& value, cudnnBackendAttributeName_t name) {
  const auto* candidates = std::get_if<std::vector<Candidate>>(&value.value);
  const auto* candidate = std::get_if<Candidate>(&value.value);
  const auto* engine = std::get_if<Engine>(&value.value);
  const auto* plan = std::get_if<Plan>(&value.value);
  if (candidates && name == CUDNN_ATTR_ENGINEHEUR_RESULTS) {
    return attribute_of_children(*candidates);
  }
  if (candidate && name == CUDNN_ATTR_ENGINECFG_ENGINE) {
    return attribute_of_children(std::vector<Engine>{candidate->engine});
  }
  if (engine && name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX) {
    return attribute_of(CUDNN_TYPE_INT64, std::vector<std::int64_t>{engine->index});
  }
  if (engine && name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE) {
    return attribute_of(CUDNN_TYPE_NUMERICAL_NOTE, engine->notes);
  }
  if (engine && name == CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE) {
    std::vector<cudnnBackendBehaviorNote_t> notes;
    if (engine->compiled) notes.push_back(CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
    return attribute_of(CUDNN_TYPE_BEHAVIOR_NOTE, notes);
  }
  if (plan && name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE) {
    return attribute_of(CUDNN_TYPE_INT64, std::vector<std::int64_t>{plan->workspace_bytes});
  }
  return std::nullopt;
}

}  // namespace frost::gpu_double::cudnn
