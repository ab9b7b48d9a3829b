#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/tools/runs/onnx_model.h"

// Computes ONNX models, slowly, as the standard defines their operators.
namespace frost::test {

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
        {"Identity", [](double x) { return x; }},
        {"Relu", [](double x) { return std::max(x, 0.0); }},
        {"Erf", [](double x) { return std::erf(x); }},
        {"Tanh", [](double x) { return std::tanh(x); }},
        {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }}};
    static const std::map<std::string, Binary> binary = {
        {"Add", [](double a, double b) { return a + b; }},
        {"Sub", [](double a, double b) { return a - b; }},
        {"Mul", [](double a, double b) { return a * b; }},
        {"Div", [](double a, double b) { return a / b; }},
        {"Equal", [](double a, double b) { return a == b; }}};
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

  /// The second operand is one number, as large as the first, or one number per channel or column.
  OnnxArray broadcast(const OnnxNode& node, const Binary& f) const {
    OnnxArray a = input(node, 0);
    const OnnxArray& b = input(node, 1);
    const bool same = a.shape == b.shape;
    std::size_t inner = 1;
    if (!same && b.values.size() > 1) {
      for (std::size_t d = 2; d < a.shape.size(); ++d) {
        inner *= static_cast<std::size_t>(a.shape[d]);
      }
    }
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
      // A size of -1 is what the others leave.
      const std::int64_t others = std::abs(product(y.shape));
      std::ranges::replace(y.shape, -1, static_cast<std::int64_t>(x.values.size()) / others);
      return y;
    }
    if (node.op == "ArgMax") {
      for (auto row = x.values.begin(); row != x.values.end(); row += std::ptrdiff_t(last)) {
        y.values.push_back(
            static_cast<float>(std::max_element(row, row + std::ptrdiff_t(last)) - row));
      }
      y.shape.assign(x.shape.begin(), x.shape.end() - 1);
      if (node.attribute("keepdims") == 1) y.shape.push_back(1);
      return y;
    }
    if (node.op == "Shape") {
      return {{static_cast<std::int64_t>(x.shape.size())}, {x.shape.begin(), x.shape.end()}};
    }
    if (node.op == "Expand") {  // of one state to all
      const std::vector<float>& shape = input(node, 1).values;
      y.shape.assign(shape.begin(), shape.end());
      for (std::int64_t i = 0; i < product(y.shape); ++i) {
        y.values.push_back(x.values[static_cast<std::size_t>(i) % x.values.size()]);
      }
      return y;
    }
    if (node.op == "Clip") {
      for (float& v : x.values) {
        v = std::clamp(v, input(node, 1).values.at(0), input(node, 2).values.at(0));
      }
      return x;
    }
    if (node.op == "Gather") return gathered(node);
    if (node.op == "Concat") return joined(node);
    if (node.op == "Transpose") return transposed(node);
    throw std::runtime_error("no operator " + node.op);
  }

  static std::int64_t product(const std::vector<std::int64_t>& sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
  }

  /// Where the node's axis is in `x`, and how many numbers lie behind one of its places.
  static std::pair<std::size_t, std::size_t> axis_of(const OnnxNode& node, const OnnxArray& x) {
    const auto axis = static_cast<std::int64_t>(node.attribute("axis"));
    const auto at = axis < 0 ? axis + static_cast<std::int64_t>(x.shape.size()) : axis;
    return {static_cast<std::size_t>(at),
            static_cast<std::size_t>(product({x.shape.begin() + at + 1, x.shape.end()}))};
  }

  static void append(OnnxArray& y, const OnnxArray& x, std::size_t begin, std::size_t count) {
    const auto first = x.values.begin() + std::ptrdiff_t(begin);
    y.values.insert(y.values.end(), first, first + std::ptrdiff_t(count));
  }

  OnnxArray gathered(const OnnxNode& node) const {
    const OnnxArray &x = input(node, 0), &indices = input(node, 1);
    const auto [axis, inner] = axis_of(node, x);
    const auto size = static_cast<std::size_t>(x.shape[axis]);
    OnnxArray y{x.shape, {}};
    y.shape[axis] = static_cast<std::int64_t>(indices.values.size());
    for (std::size_t row = 0; row < x.values.size() / (size * inner); ++row) {
      for (const float index : indices.values) {
        append(y, x, (row * size + static_cast<std::size_t>(index)) * inner, inner);
      }
    }
    return y;
  }

  OnnxArray joined(const OnnxNode& node) const {
    const OnnxArray& first = input(node, 0);
    const auto [axis, inner] = axis_of(node, first);
    OnnxArray y{first.shape, {}};
    y.shape[axis] = 0;
    for (const std::string& part : node.inputs) y.shape[axis] += at(part).shape[axis];
    const std::size_t rows =
        first.values.size() / (static_cast<std::size_t>(first.shape[axis]) * inner);
    for (std::size_t row = 0; row < rows; ++row) {
      for (const std::string& part : node.inputs) {
        const std::size_t count = static_cast<std::size_t>(at(part).shape[axis]) * inner;
        append(y, at(part), row * count, count);
      }
    }
    return y;
  }

  OnnxArray transposed(const OnnxNode& node) const {
    const OnnxArray& x = input(node, 0);
    const std::vector<double>& order = node.attributes.at("perm");
    OnnxArray y;
    std::vector<std::int64_t> strides;
    for (const double from : order) {
      const auto axis = static_cast<std::ptrdiff_t>(from);
      y.shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
      strides.push_back(product({x.shape.begin() + axis + 1, x.shape.end()}));
    }
    for (std::int64_t i = 0; i < product(y.shape); ++i) {
      std::int64_t rest = i, from = 0;
      for (std::size_t axis = y.shape.size(); axis-- > 0; rest /= y.shape[axis]) {
        from += rest % y.shape[axis] * strides[axis];
      }
      y.values.push_back(x.values[static_cast<std::size_t>(from)]);
    }
    return y;
  }

  std::map<std::string, OnnxArray> values_;
};

}  // namespace frost::test
