#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/protobuf.h"
#include "engine/state_dict.h"

// Reads ONNX models back and computes them, slowly, as the standard defines their operators.
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

/// Computes one node after the other.
class OnnxInterpreter {
 public:
  OnnxInterpreter(const OnnxModel& model, std::map<std::string, OnnxArray> inputs)
      : values_(std::move(inputs)) {
    for (const auto& [name, array] : model.constants) values_[name] = array;
    for (const OnnxNode& node : model.nodes) values_[node.output] = compute(node);
  }
  const OnnxArray& at(const std::string& name) const { return values_.at(name); }

 private:
  using Unary = std::function<double(double)>;
  using Binary = std::function<double(double, double)>;

  const OnnxArray& input(const OnnxNode& node, std::size_t i) const {
    return values_.at(node.inputs.at(i));
  }

  OnnxArray compute(const OnnxNode& node) const {
    static const std::map<std::string, Unary> unary = {
        {"Cast", [](double x) { return x; }},
        {"Relu", [](double x) { return std::max(x, 0.0); }},
        {"Erf", [](double x) { return std::erf(x); }},
        {"Tanh", [](double x) { return std::tanh(x); }},
        {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }}};
    static const std::map<std::string, Binary> binary = {
        {"Add", [](double a, double b) { return a + b; }},
        {"Sub", [](double a, double b) { return a - b; }},
        {"Mul", [](double a, double b) { return a * b; }},
        {"Div", [](double a, double b) { return a / b; }}};
    if (const auto f = unary.find(node.op); f != unary.end()) {
      OnnxArray y = input(node, 0);
      for (float& v : y.values) v = static_cast<float>(f->second(v));
      return y;
    }
    if (const auto f = binary.find(node.op); f != binary.end()) return broadcast(node, f->second);
    if (node.op == "Conv") return conv(node);
    if (node.op == "MaxPool") return max_pool(node);
    if (node.op == "Gemm") return gemm(node);
    if (node.op == "LayerNormalization") return layer_norm(node);
    return rearranged(node);
  }

  /// The second operand is one number, as large as the first, or one number per channel.
  OnnxArray broadcast(const OnnxNode& node, const Binary& f) const {
    OnnxArray a = input(node, 0);
    const OnnxArray& b = input(node, 1);
    const bool same = a.shape == b.shape;
    std::size_t inner = 1;
    if (!same && b.values.size() > 1) inner = static_cast<std::size_t>(a.shape[2] * a.shape[3]);
    for (std::size_t i = 0; i < a.values.size(); ++i) {
      const std::size_t at = same ? i : i / inner % b.values.size();
      a.values[i] = static_cast<float>(f(a.values[i], b.values[at]));
    }
    return a;
  }

  /// Calls `visit(output index, channel, first row, first column)` for each output of a window.
  static void each_window(const OnnxArray& y, std::int64_t stride, std::int64_t pad,
                          const std::function<void(std::size_t, std::int64_t, std::int64_t,
                                                   std::int64_t, std::int64_t)>& visit) {
    std::size_t at = 0;
    for (std::int64_t n = 0; n < y.shape[0]; ++n) {
      for (std::int64_t c = 0; c < y.shape[1]; ++c) {
        for (std::int64_t h = 0; h < y.shape[2]; ++h) {
          for (std::int64_t w = 0; w < y.shape[3]; ++w, ++at) {
            visit(at, n, c, h * stride - pad, w * stride - pad);
          }
        }
      }
    }
  }

  static OnnxArray windowed(const OnnxArray& x, const OnnxNode& node, std::int64_t channels) {
    const auto kernel = static_cast<std::int64_t>(node.attribute("kernel_shape"));
    const auto stride = static_cast<std::int64_t>(node.attribute("strides"));
    const auto pad = static_cast<std::int64_t>(node.attribute("pads"));
    const auto out = [&](std::int64_t n) { return (n + 2 * pad - kernel) / stride + 1; };
    OnnxArray y{{x.shape[0], channels, out(x.shape[2]), out(x.shape[3])}, {}};
    y.values.resize(static_cast<std::size_t>(y.shape[0] * channels * y.shape[2] * y.shape[3]));
    return y;
  }

  OnnxArray conv(const OnnxNode& node) const {
    const OnnxArray &x = input(node, 0), &weight = input(node, 1), &bias = input(node, 2);
    OnnxArray y = windowed(x, node, weight.shape[0]);
    const std::int64_t channels = x.shape[1], height = x.shape[2], width = x.shape[3],
                       kernel = weight.shape[2];
    const auto visit = [&](std::size_t at, std::int64_t n, std::int64_t o, std::int64_t top,
                           std::int64_t left) {
      double sum = bias.values[static_cast<std::size_t>(o)];
      for (std::int64_t c = 0; c < channels; ++c) {
        const float* map = x.values.data() + (n * channels + c) * height * width;
        const float* taps = weight.values.data() + (o * channels + c) * kernel * kernel;
        for (std::int64_t i = std::max<std::int64_t>(0, -top); i < kernel && top + i < height;
             ++i) {
          for (std::int64_t j = std::max<std::int64_t>(0, -left); j < kernel && left + j < width;
               ++j) {
            sum += static_cast<double>(map[(top + i) * width + left + j]) * taps[i * kernel + j];
          }
        }
      }
      y.values[at] = static_cast<float>(sum);
    };
    each_window(y, static_cast<std::int64_t>(node.attribute("strides")),
                static_cast<std::int64_t>(node.attribute("pads")), visit);
    return y;
  }

  OnnxArray max_pool(const OnnxNode& node) const {
    const OnnxArray& x = input(node, 0);
    OnnxArray y = windowed(x, node, x.shape[1]);
    const std::int64_t height = x.shape[2], width = x.shape[3];
    const auto visit = [&](std::size_t at, std::int64_t n, std::int64_t c, std::int64_t top,
                           std::int64_t left) {
      float most = -INFINITY;
      const float* map = x.values.data() + (n * x.shape[1] + c) * height * width;
      for (std::int64_t h = std::max<std::int64_t>(0, top); h < std::min(top + 3, height); ++h) {
        for (std::int64_t w = std::max<std::int64_t>(0, left); w < std::min(left + 3, width); ++w) {
          most = std::max(most, map[h * width + w]);
        }
      }
      y.values[at] = most;
    };
    each_window(y, static_cast<std::int64_t>(node.attribute("strides")),
                static_cast<std::int64_t>(node.attribute("pads")), visit);
    return y;
  }

  OnnxArray gemm(const OnnxNode& node) const {
    const OnnxArray &x = input(node, 0), &weight = input(node, 1), &bias = input(node, 2);
    if (node.attribute("transB") != 1) throw std::runtime_error("a product without transB");
    OnnxArray y{{x.shape[0], weight.shape[0]}, {}};
    const auto in = static_cast<std::size_t>(x.shape[1]), out = bias.values.size();
    for (std::size_t i = 0; i < static_cast<std::size_t>(x.shape[0]) * out; ++i) {
      double sum = bias.values[i % out];
      for (std::size_t k = 0; k < in; ++k) {
        sum += static_cast<double>(x.values[i / out * in + k]) * weight.values[i % out * in + k];
      }
      y.values.push_back(static_cast<float>(sum));
    }
    return y;
  }

  OnnxArray layer_norm(const OnnxNode& node) const {
    OnnxArray y = input(node, 0);
    const OnnxArray &scale = input(node, 1), &shift = input(node, 2);
    const std::size_t width = scale.values.size();
    for (std::size_t row = 0; row < y.values.size(); row += width) {
      double mean = 0, square = 0;
      for (std::size_t i = 0; i < width; ++i) mean += y.values[row + i] / double(width);
      for (std::size_t i = 0; i < width; ++i) square += std::pow(y.values[row + i] - mean, 2);
      const double root = std::sqrt(square / double(width) + node.attribute("epsilon"));
      for (std::size_t i = 0; i < width; ++i) {
        y.values[row + i] = static_cast<float>((y.values[row + i] - mean) / root * scale.values[i] +
                                               shift.values[i]);
      }
    }
    return y;
  }

  /// Operators that mostly move numbers.
  OnnxArray rearranged(const OnnxNode& node) const {
    OnnxArray x = input(node, 0), y;
    const auto last = static_cast<std::size_t>(x.shape.back());
    if (node.op == "Flatten") {
      return {{x.shape[0], static_cast<std::int64_t>(x.values.size()) / x.shape[0]}, x.values};
    }
    if (node.op == "GlobalAveragePool") {
      const auto pixels = static_cast<std::size_t>(x.shape[2] * x.shape[3]);
      for (std::size_t i = 0; i < x.values.size(); i += pixels) {
        double sum = 0;
        for (std::size_t p = 0; p < pixels; ++p) sum += x.values[i + p];
        y.values.push_back(static_cast<float>(sum / double(pixels)));
      }
      y.shape = {x.shape[0], x.shape[1], 1, 1};
      return y;
    }
    if (node.op == "Reshape") {
      y.values = x.values;
      for (const float size : input(node, 1).values) {
        y.shape.push_back(size == 0 ? x.shape[y.shape.size()] : static_cast<std::int64_t>(size));
      }
      return y;
    }
    if (node.op == "ArgMax") {
      for (auto row = x.values.begin(); row != x.values.end(); row += std::ptrdiff_t(last)) {
        y.values.push_back(
            static_cast<float>(std::max_element(row, row + std::ptrdiff_t(last)) - row));
      }
      y.shape.assign(x.shape.begin(), x.shape.end() - 1);
      return y;
    }
    if (node.op == "Clip") {
      for (float& v : x.values) {
        v = std::clamp(v, input(node, 1).values.at(0), input(node, 2).values.at(0));
      }
      return x;
    }
    if (node.op == "Gather") return gathered(node);
    if (node.op == "Concat") {
      for (std::size_t row = 0; row < x.values.size() / last; ++row) {
        for (const std::string& part : node.inputs) y.values.push_back(at(part).values[row]);
      }
      y.shape = x.shape;
      y.shape.back() = static_cast<std::int64_t>(node.inputs.size());
      return y;
    }
    throw std::runtime_error("no operator " + node.op);
  }

  /// Along the channels of pictures, or the last axis.
  OnnxArray gathered(const OnnxNode& node) const {
    const OnnxArray &x = input(node, 0), &indices = input(node, 1);
    const bool last = node.attribute("axis") == -1;
    const auto size = static_cast<std::size_t>(last ? x.shape.back() : x.shape[1]);
    const auto inner = last ? std::size_t{1} : static_cast<std::size_t>(x.shape[2] * x.shape[3]);
    OnnxArray y{x.shape, {}};
    (last ? y.shape.back() : y.shape[1]) = static_cast<std::int64_t>(indices.values.size());
    for (std::size_t row = 0; row < x.values.size() / (size * inner); ++row) {
      for (const float index : indices.values) {
        const auto begin = x.values.begin() +
                           std::ptrdiff_t((row * size + static_cast<std::size_t>(index)) * inner);
        y.values.insert(y.values.end(), begin, begin + std::ptrdiff_t(inner));
      }
    }
    return y;
  }

  std::map<std::string, OnnxArray> values_;
};

}  // namespace frost::test
