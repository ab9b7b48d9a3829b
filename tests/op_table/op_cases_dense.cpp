#include <fmt/format.h>

#include <array>
#include <cmath>

#include "tests/op_table/op_cases.h"
#include "tests/op_table/op_reference.h"

// Matrix products, elementwise functions, normalisation.
namespace frost {
namespace {

std::size_t as_size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// `add`, or `subtract` where the sign is negative.
OpCase sum_case(const std::string& name, double sign, const Shape& shape) {
  const std::string variant = to_string(shape), seed = name + variant;
  return {name,
          variant,
          {case_input(seed, "a", shape), case_input(seed, "b", shape)},
          [sign](Backend&, const std::vector<Tensor>& in) {
            return [in, sign] { return sign < 0 ? subtract(in[0], in[1]) : add(in[0], in[1]); };
          },
          [sign](const std::vector<Reals>& in) {
            Reals y = in[0];
            for (std::size_t i = 0; i < y.size(); ++i) y[i] += sign * in[1][i];
            return y;
          }};
}

OpCase softmax_case(const Shape& shape) {
  const std::string variant = to_string(shape);
  return {"softmax",
          variant,
          {case_input("softmax" + variant, "x", shape, 1.5)},
          [](Backend&, const std::vector<Tensor>& t) { return [t] { return softmax(t[0]); }; },
          [shape](const std::vector<Reals>& t) {
            return reference::softmax_runs(t[0], as_size(shape.back()), 1.0);
          }};
}

}  // namespace

OpCase linear_case(std::int64_t n, std::int64_t in, std::int64_t out, bool bias) {
  const std::string variant =
      fmt::format("{} rows, {} -> {}{}", n, in, out, bias ? "" : ", no bias");
  const std::string seed = "linear" + variant;
  std::vector<CaseInput> inputs{case_input(seed, "x", {n, in}),
                                case_input(seed, "weight", {out, in}, 0.5)};
  if (bias) inputs.push_back(case_input(seed, "bias", {out}));
  return {"linear",
          variant,
          std::move(inputs),
          [bias](Backend&, const std::vector<Tensor>& t) {
            return [t, bias] { return linear(t[0], t[1], bias ? t[2] : Tensor()); };
          },
          [n, out, bias](const std::vector<Reals>& t) {
            return reference::linear(t[0], t[1], bias ? &t[2] : nullptr, as_size(n), as_size(out));
          },
          2.0 * static_cast<double>(n * in * out)};
}

OpCase gelu_case(std::int64_t n, std::int64_t cols) {
  const std::string variant = fmt::format("[{},{}]", n, cols);
  return {"gelu",
          variant,
          {case_input("gelu" + variant, "x", {n, cols}, 2.0)},
          [](Backend&, const std::vector<Tensor>& t) { return [t] { return gelu(t[0]); }; },
          [](const std::vector<Reals>& t) { return reference::gelu(t[0]); }};
}

OpCase tanh_case(std::int64_t n, std::int64_t cols) {
  const std::string variant = fmt::format("[{},{}]", n, cols);
  return {"tanh",
          variant,
          {case_input("tanh" + variant, "x", {n, cols}, 1.5)},
          [](Backend&, const std::vector<Tensor>& t) { return [t] { return tanh(t[0]); }; },
          [](const std::vector<Reals>& t) {
            Reals y = t[0];
            for (double& v : y) v = std::tanh(v);
            return y;
          }};
}

OpCase layer_norm_case(std::int64_t n, std::int64_t cols, double mean) {
  const std::string variant = fmt::format("[{},{}] around {}", n, cols, mean);
  const std::string seed = "layer_norm" + variant;
  OpCase row{"layer_norm",
             variant,
             {case_input(seed, "x", {n, cols}, 1.0, mean),
              case_input(seed, "gamma", {cols}, 0.3, 1.0), case_input(seed, "beta", {cols}, 0.3)},
             [](Backend&, const std::vector<Tensor>& t) {
               return [t] { return layer_norm(t[0], t[1], t[2]); };
             },
             [](const std::vector<Reals>& t) { return reference::layer_norm(t[0], t[1], t[2]); }};
  return row;
}

OpCase grouped_softmax_case(std::int64_t n, std::int64_t cols, std::int64_t groups,
                            double temperature) {
  const std::string variant =
      fmt::format("[{},{}] in {} groups, temperature {}", n, cols, groups, temperature);
  return {"grouped_softmax",
          variant,
          {case_input("grouped_softmax" + variant, "x", {n, cols}, 1.5)},
          [=](Backend&, const std::vector<Tensor>& t) {
            return [=] { return grouped_softmax(t[0], groups, temperature); };
          },
          [=](const std::vector<Reals>& t) {
            return reference::softmax_runs(t[0], as_size(cols / groups), temperature);
          }};
}

void add_dense_cases(std::vector<OpCase>& table) {
  for (const auto& [n, in, out] :
       {std::array{1, 1, 1}, {5, 7, 3}, {33, 19, 128}, {1, 128, 6}, {0, 3, 4}, {70, 65, 31}}) {
    table.push_back(linear_case(n, in, out, true));
    table.push_back(linear_case(n, in, out, false));
  }
  for (const Shape& shape : {Shape{1, 1}, {5, 7}, {0, 4}, {2, 3, 3, 5}, {70, 129}}) {
    table.push_back(sum_case("add", 1, shape));
    table.push_back(sum_case("subtract", -1, shape));
  }
  for (const auto& [n, cols] : {std::array{1, 1}, {5, 7}, {0, 4}, {40, 131}}) {
    table.push_back(gelu_case(n, cols));
    table.push_back(tanh_case(n, cols));
  }
  for (const auto& [n, cols] : {std::array{1, 3}, {5, 7}, {0, 4}, {33, 128}, {3, 500}}) {
    table.push_back(layer_norm_case(n, cols));
  }
  // Mean and rstd are kept in float32, so a mean far from zero costs their digits.
  OpCase shifted = layer_norm_case(4, 64, 40.0);
  shifted.tolerance = shifted.gradient_tolerance = 1e-5;
  table.push_back(std::move(shifted));
  for (const Shape& shape : {Shape{1}, {7}, {5, 7}, {0, 4}, {2, 3, 3, 5}, {33, 131}}) {
    table.push_back(softmax_case(shape));
  }
  table.push_back(grouped_softmax_case(1, 1, 1, 1.0));
  table.push_back(grouped_softmax_case(5, 8, 1, 1.0));
  table.push_back(grouped_softmax_case(33, 128, 16, 1.0));
  table.push_back(grouped_softmax_case(7, 15, 5, 0.3));
  table.push_back(grouped_softmax_case(3, 14, 2, 4.0));
}

}  // namespace frost
