#pragma once

#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/protobuf.h"
#include "engine/state_dict.h"

// Reads ONNX models back.
namespace frost::test {

/// A field of a protobuf message: a number, or bytes.
struct ProtobufField {
  int number = 0;
  std::uint64_t integer = 0;
  std::string_view bytes;

  float as_float() const {
    float value = 0;
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }
};

inline std::vector<ProtobufField> protobuf_fields(std::string_view message) {
  std::vector<ProtobufField> fields;
  while (!message.empty()) {
    const std::uint64_t key = protobuf::take_varint(message).value();
    ProtobufField field{static_cast<int>(key >> 3), 0, {}};
    if ((key & 7) == protobuf::kVarint) {
      field.integer = protobuf::take_varint(message).value();
    } else {
      const std::size_t size =
          (key & 7) == protobuf::kFixed32 ? 4 : protobuf::take_varint(message).value();
      if (size > message.size()) throw std::runtime_error("a field leaves its message");
      field.bytes = message.substr(0, size);
      message.remove_prefix(size);
    }
    fields.push_back(field);
  }
  return fields;
}

struct OnnxNode {
  std::string op, output;
  std::vector<std::string> inputs;
  std::map<std::string, std::vector<double>> attributes;

  double attribute(const std::string& name, std::size_t i = 0) const {
    return attributes.at(name).at(i);
  }
};

struct OnnxArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct OnnxModel {
  std::uint64_t operator_set = 0;
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxArray> constants;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::string> metadata;
};

inline OnnxArray read_onnx_tensor(std::string_view message, std::string& name) {
  OnnxArray array;
  std::uint64_t type = 0;
  std::string_view raw;
  for (const ProtobufField& f : protobuf_fields(message)) {
    if (f.number == 1) array.shape.push_back(static_cast<std::int64_t>(f.integer));
    if (f.number == 2) type = f.integer;
    if (f.number == 8) name = f.bytes;
    if (f.number == 9) raw = f.bytes;
  }
  const auto unpack = [&]<class T>(T) {
    std::vector<T> values(raw.size() / sizeof(T));
    if (!raw.empty()) std::memcpy(values.data(), raw.data(), raw.size());
    array.values.assign(values.begin(), values.end());
  };
  type == 7 ? unpack(std::int64_t{}) : unpack(float{});
  return array;
}

inline OnnxNode read_onnx_node(std::string_view message) {
  OnnxNode node;
  for (const ProtobufField& f : protobuf_fields(message)) {
    if (f.number == 1) node.inputs.emplace_back(f.bytes);
    if (f.number == 2) node.output = f.bytes;
    if (f.number == 4) node.op = f.bytes;
    if (f.number != 5) continue;
    std::string name;
    std::vector<double> values;
    for (const ProtobufField& a : protobuf_fields(f.bytes)) {
      if (a.number == 1) name = a.bytes;
      if (a.number == 2) values.push_back(a.as_float());
      if (a.number == 3 || a.number == 8) {
        values.push_back(static_cast<double>(static_cast<std::int64_t>(a.integer)));
      }
    }
    node.attributes[name] = values;
  }
  return node;
}

inline OnnxModel read_onnx(std::string_view file) {
  OnnxModel model;
  for (const ProtobufField& f : protobuf_fields(file)) {
    const auto parts = f.number >= 7 ? protobuf_fields(f.bytes) : std::vector<ProtobufField>{};
    if (f.number == 8) model.operator_set = parts.at(1).integer;
    if (f.number == 14) model.metadata[std::string(parts.at(0).bytes)] = parts.at(1).bytes;
    if (f.number != 7) continue;
    for (const ProtobufField& g : parts) {
      const auto name = [&] { return std::string(protobuf_fields(g.bytes).at(0).bytes); };
      if (g.number == 1) model.nodes.push_back(read_onnx_node(g.bytes));
      if (g.number == 5) {
        std::string constant;
        const OnnxArray array = read_onnx_tensor(g.bytes, constant);
        model.constants[constant] = array;
      }
      if (g.number == 11) model.inputs.push_back(name());
      if (g.number == 12) model.outputs.push_back(name());
    }
  }
  return model;
}

}  // namespace frost::test
