#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tests/op_table/op_cases.h"
#include "tests/op_table/op_reference.h"

// The ops of an unfolded body, and what turns a picture into its input.
namespace frost {
namespace {

OpCase conv2d_case(const Conv2dShape& s) {
  const std::string variant =
      fmt::format("{}x{}/{} on {}x{}x{}x{} -> {}", s.kh, s.kw, s.stride, s.n, s.h, s.w, s.c, s.k);
  const std::string seed = "conv2d" + variant;
  const double fan_in = static_cast<double>(s.kh * s.kw * s.c);
  return {"conv2d",
          variant,
          {case_input(seed, "x", {s.n, s.h, s.w, s.c}),
           case_input(seed, "weight", {s.k, s.kh, s.kw, s.c}, std::sqrt(2.0 / fan_in))},
          [s](Backend&, const std::vector<Tensor>& t) {
            return [=] { return conv2d(t[0], t[1], s.stride, s.pad); };
          },
          [s](const std::vector<Reals>& t) { return reference::conv2d(s, t[0], s.c, t[1]); },
          conv_flops(s)};
}

OpCase batch_norm_case(const Shape& shape) {
  const std::string variant = to_string(shape), seed = "batch_norm" + variant;
  const Shape channels{shape[3]};
  std::vector<CaseInput> inputs{
      case_input(seed, "x", shape), case_input(seed, "gamma", channels, 0.3, 1.0),
      case_input(seed, "beta", channels, 0.3), case_input(seed, "mean", channels, 0.3),
      case_input(seed, "var", channels, 0.25, 1.0)};
  inputs[3].trains = inputs[4].trains = false;
  return {"batch_norm", variant, std::move(inputs),
          [](Backend&, const std::vector<Tensor>& t) {
            return [t] { return batch_norm(t[0], t[1], t[2], t[3], t[4]); };
          },
          [](const std::vector<Reals>& t) {
            return reference::batch_norm(t[0], t[1], t[2], t[3], t[4]);
          }};
}

OpCase relu_case(const Shape& shape) {
  const std::string variant = to_string(shape);
  OpCase row{"relu",
             variant,
             {case_input("relu" + variant, "x", shape)},
             [](Backend&, const std::vector<Tensor>& t) { return [t] { return relu(t[0]); }; },
             [](const std::vector<Reals>& t) {
               Reals y = t[0];
               for (double& v : y) v = std::max(v, 0.0);
               return y;
             }};
  row.has_kinks = true;
  return row;
}

OpCase repeat_channels_case(const Shape& shape, std::int64_t channels) {
  const std::string variant = fmt::format("{} -> {}", to_string(shape), channels);
  return {"repeat_channels",
          variant,
          {case_input("repeat_channels" + variant, "x", shape)},
          [=](Backend&, const std::vector<Tensor>& t) {
            return [=] { return repeat_channels(t[0], channels); };
          },
          [=](const std::vector<Reals>& t) {
            Reals y;
            for (const double v : t[0]) y.insert(y.end(), static_cast<std::size_t>(channels), v);
            return y;
          }};
}

OpCase bytes_to_floats_case(const Shape& shape, float scale, float shift) {
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < numel(shape); ++i) {
    bytes.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  }
  return {"bytes_to_floats",
          fmt::format("{}, {} x + {}", to_string(shape), scale, shift),
          {},
          [=](Backend& backend, const std::vector<Tensor>&) {
            const auto held = Tensor::from_host(backend, std::span<const std::uint8_t>(bytes));
            return [=] { return bytes_to_floats(held, shape, scale, shift); };
          },
          [=](const std::vector<Reals>&) {
            Reals y;
            for (const std::uint8_t b : bytes) {
              y.push_back(static_cast<double>(scale) * b + static_cast<double>(shift));
            }
            return y;
          }};
}

}  // namespace

void add_unfused_cases(std::vector<OpCase>& table) {
  table.push_back(conv2d_case({1, 3, 3, 2, 4, 1, 1, 1, 0}));
  table.push_back(conv2d_case({3, 7, 5, 16, 16, 3, 3, 1, 1}));
  table.push_back(conv2d_case({2, 9, 9, 3, 8, 7, 7, 2, 3}));
  table.push_back(conv2d_case({4, 2, 2, 32, 32, 3, 3, 1, 1}));
  table.push_back(batch_norm_case({1, 1, 1, 3}));
  table.push_back(batch_norm_case({3, 7, 5, 16}));
  table.push_back(batch_norm_case({8, 12, 12, 64}));
  table.push_back(relu_case({1, 1}));
  table.push_back(relu_case({3, 7, 5, 16}));
  table.push_back(repeat_channels_case({2, 3, 3, 1}, 3));
  table.push_back(repeat_channels_case({1, 5, 4, 1}, 1));
  table.push_back(bytes_to_floats_case({1, 3, 5, 1}, 1.0f, 0.0f));
  table.push_back(bytes_to_floats_case({2, 84, 84, 1}, 0.017f, -1.99f));
}

}  // namespace frost
