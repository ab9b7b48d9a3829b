#include "weights/onnx/onnx_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "engine/io/atomic_file.h"
#include "engine/io/protobuf.h"
#include "kernels/errors.h"

namespace frost {
namespace {

using namespace protobuf;

// Field numbers of onnx.proto, by message.
namespace model_field {
constexpr int kIrVersion = 1, kProducer = 2, kGraph = 7, kOperatorSet = 8, kMetadata = 14;
}
namespace graph_field {
constexpr int kNode = 1, kName = 2, kConstant = 5, kInput = 11, kOutput = 12;
}
namespace node_field {
constexpr int kInput = 1, kOutput = 2, kName = 3, kOp = 4, kAttribute = 5;
}
namespace attribute_field {
constexpr int kName = 1, kFloat = 2, kInteger = 3, kIntegers = 8, kType = 20;
}
namespace tensor_field {
constexpr int kSize = 1, kType = 2, kName = 8, kBytes = 9;
}

constexpr std::int64_t kIrVersion = 8, kOperatorSet = 17;
constexpr std::uint64_t kLargest = (std::uint64_t{1} << 31) - 1;

std::int64_t element_type(const std::string& dtype) {
  if (dtype == "F32") return 1;
  if (dtype == "U8") return 2;
  if (dtype == "I64") return 7;
  fail("onnx", "no element type for " + dtype);
}

/// The value and the type of an attribute, as fields.
struct AppendAttribute {
  std::string& out;

  void operator()(float value) const {
    append_float(out, attribute_field::kFloat, value);
    append_integer(out, attribute_field::kType, 1);
  }
  void operator()(std::int64_t value) const {
    append_integer(out, attribute_field::kInteger, value);
    append_integer(out, attribute_field::kType, 2);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    for (const std::int64_t v : values) append_integer(out, attribute_field::kIntegers, v);
    append_integer(out, attribute_field::kType, 7);
  }
};

std::string value_info(const OnnxValue& value) {
  std::string shape;
  for (const std::string& size : value.shape) {
    std::string dimension;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), number);
    if (error == std::errc() && end == size.data() + size.size()) {
      append_integer(dimension, 1, number);
    } else {
      append_bytes(dimension, 2, size);
    }
    append_bytes(shape, 1, dimension);
  }
  std::string tensor;
  append_integer(tensor, 1, element_type(value.dtype));
  append_bytes(tensor, 2, shape);
  std::string type, info;
  append_bytes(type, 1, tensor);
  append_bytes(info, 1, value.name);
  append_bytes(info, 2, type);
  return info;
}

/// A constant as a field of the graph, all but its bytes, which are last.
std::string constant_head(const std::string& name, const HostTensor& tensor) {
  std::string fields;
  for (const std::int64_t size : tensor.shape) append_integer(fields, tensor_field::kSize, size);
  append_integer(fields, tensor_field::kType, element_type(tensor.dtype));
  append_bytes(fields, tensor_field::kName, name);
  append_bytes_head(fields, tensor_field::kBytes, tensor.bytes.size());
  std::string head;
  append_bytes_head(head, graph_field::kConstant, fields.size() + tensor.bytes.size());
  return head + fields;
}

/// All of the model that is not in its graph.
std::string model_fields(const std::map<std::string, std::string>& metadata) {
  std::string model, operators;
  append_integer(model, model_field::kIrVersion, kIrVersion);
  append_bytes(model, model_field::kProducer, "frostline");
  append_bytes(operators, 1, "");
  append_integer(operators, 2, kOperatorSet);
  append_bytes(model, model_field::kOperatorSet, operators);
  for (const auto& [key, text] : metadata) {
    std::string entry;
    append_bytes(entry, 1, key);
    append_bytes(entry, 2, text);
    append_bytes(model, model_field::kMetadata, entry);
  }
  return model;
}

}  // namespace

std::string OnnxGraph::constant(const std::string& name, HostTensor tensor) {
  constants_.emplace(name, std::move(tensor));
  return name;
}

std::string OnnxGraph::constant(const std::string& name, float value) {
  return constant(name, HostTensor::from_floats({}, {value}));
}

std::string OnnxGraph::node(const std::string& op, const std::vector<std::string>& inputs,
                            const std::string& name,
                            const std::vector<std::pair<std::string, OnnxAttribute>>& attributes) {
  std::string fields;
  for (const std::string& input : inputs) append_bytes(fields, node_field::kInput, input);
  append_bytes(fields, node_field::kOutput, name);
  append_bytes(fields, node_field::kName, name);
  append_bytes(fields, node_field::kOp, op);
  for (const auto& [key, value] : attributes) {
    std::string attribute;
    append_bytes(attribute, attribute_field::kName, key);
    std::visit(AppendAttribute{attribute}, value);
    append_bytes(fields, node_field::kAttribute, attribute);
  }
  append_bytes(nodes_, graph_field::kNode, fields);
  return name;
}

std::string OnnxGraph::interface_text() const {
  std::string text;
  const auto add = [&](const char* what, const std::vector<OnnxValue>& values) {
    for (const OnnxValue& v : values) {
      text += fmt::format("{} {} {} [{}]\n", what, v.name, v.dtype, fmt::join(v.shape, ", "));
    }
  };
  add("input", inputs_);
  add("output", outputs_);
  return text;
}

void OnnxGraph::write(const std::filesystem::path& path, const std::string& name,
                      const std::map<std::string, std::string>& metadata) const {
  std::string graph = nodes_;
  append_bytes(graph, graph_field::kName, name);
  for (const OnnxValue& v : inputs_) append_bytes(graph, graph_field::kInput, value_info(v));
  for (const OnnxValue& v : outputs_) append_bytes(graph, graph_field::kOutput, value_info(v));

  std::vector<std::string> heads;
  std::uint64_t size = graph.size();
  for (const auto& [constant, tensor] : constants_) {
    heads.push_back(constant_head(constant, tensor));
    size += heads.back().size() + tensor.bytes.size();
  }
  std::string model = model_fields(metadata);
  append_bytes_head(model, model_field::kGraph, size);
  if (model.size() + size > kLargest) {
    fail("onnx", fmt::format("{}: {} bytes, a file of this format holds less than 2 GiB",
                             path.string(), model.size() + size));
  }
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  std::vector<std::span<const std::byte>> parts{bytes(model), bytes(graph)};
  auto head = heads.begin();
  for (const auto& [constant, tensor] : constants_) {
    parts.push_back(bytes(*head++));
    parts.emplace_back(tensor.bytes);
  }
  write_file_atomically(path, parts);
}

std::string add_linear(OnnxGraph& graph, const std::string& x, const HostTensor& weight,
                       const HostTensor& bias, const std::string& name) {
  return graph.node(
      "Gemm", {x, graph.constant(name + ".weight", weight), graph.constant(name + ".bias", bias)},
      name, {{"transB", std::int64_t{1}}});
}

}  // namespace frost
