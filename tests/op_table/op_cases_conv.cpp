#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>

#include "tests/op_table/op_cases.h"
#include "tests/op_table/op_reference.h"

// Convolutions with BatchNorm, pooling.
namespace frost {
namespace {

/// Where the inputs of a row lie; the residual is absent or second.
struct ConvInputs {
  std::size_t weight, gamma, beta, mean, var;

  explicit ConvInputs(bool residual)
      : weight(residual ? 2 : 1),
        gamma(weight + 1),
        beta(weight + 2),
        mean(weight + 3),
        var(weight + 4) {}
};

std::vector<CaseInput> conv_inputs(const ConvSpec& s, const std::string& seed) {
  const Conv2dShape shape = shape_of(s);
  const std::int64_t channels = s.x_channels == 0 ? s.c : s.x_channels;
  const double fan_in = static_cast<double>(s.kernel * s.kernel * s.c);
  std::vector<CaseInput> inputs{case_input(seed, "x", {s.n, shape.h, shape.w, channels})};
  if (s.residual) {
    inputs.push_back(case_input(seed, "residual", {s.n, shape.oh(), shape.ow(), s.k}));
  }
  inputs.push_back(
      case_input(seed, "weight", {s.k, s.kernel, s.kernel, s.c}, std::sqrt(2.0 / fan_in)));
  inputs.push_back(case_input(seed, "gamma", {s.k}, 0.3, 1.0));
  inputs.push_back(case_input(seed, "beta", {s.k}, 0.3));
  inputs.push_back(case_input(seed, "mean", {s.k}, 0.3));
  inputs.push_back(case_input(seed, "var", {s.k}, 0.25, 1.0));
  inputs[inputs.size() - 2].trains = inputs.back().trains = false;
  return inputs;
}

}  // namespace

OpCase conv_bn_case(const ConvSpec& s) {
  const Conv2dShape shape = shape_of(s);
  const std::string variant =
      fmt::format("{0}x{0}/{1} on {2}x{3}x{4}x{5}{6} -> {7}{8}{9}", s.kernel, s.stride, s.n,
                  shape.h, shape.w, s.c, s.x_channels == 1 && s.c != 1 ? " from one channel" : "",
                  s.k, s.residual ? " + residual" : "", s.relu ? " ReLU" : "");
  const ConvInputs at(s.residual);
  OpCase row{"conv_bn",
             variant,
             conv_inputs(s, "conv_bn" + variant),
             [=](Backend&, const std::vector<Tensor>& t) {
               auto layer = std::make_shared<ConvBatchNorm>();
               layer->stride = shape.stride;
               layer->pad = shape.pad;
               layer->weight = t[at.weight];
               layer->gamma = t[at.gamma];
               layer->beta = t[at.beta];
               layer->mean = t[at.mean];
               layer->var = t[at.var];
               return [=] { return conv_bn(t[0], *layer, s.residual ? t[1] : Tensor(), s.relu); };
             },
             [=](const std::vector<Reals>& t) {
               Reals y = reference::conv2d(shape, t[0], s.x_channels == 0 ? s.c : s.x_channels,
                                           t[at.weight]);
               y = reference::batch_norm(y, t[at.gamma], t[at.beta], t[at.mean], t[at.var]);
               for (std::size_t i = 0; i < y.size(); ++i) {
                 if (s.residual) y[i] += t[1][i];
                 if (s.relu && y[i] < 0) y[i] = 0;
               }
               return y;
             },
             conv_flops(shape)};
  row.has_kinks = s.relu;
  return row;
}

double conv_flops(const Conv2dShape& s) {
  return 2.0 * static_cast<double>(s.n * s.oh() * s.ow() * s.k * s.kh * s.kw * s.c);
}

OpCase max_pool_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
                     std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  const Pool2dShape shape{n, h, w, c, kernel, stride, pad};
  const std::string variant =
      fmt::format("{0}x{0}/{1} pad {2} on {3}x{4}x{5}x{6}", kernel, stride, pad, n, h, w, c);
  OpCase row{"max_pool2d",
             variant,
             {case_input("max_pool2d" + variant, "x", {n, h, w, c})},
             [=](Backend&, const std::vector<Tensor>& t) {
               return [=] { return max_pool2d(t[0], kernel, stride, pad); };
             },
             [=](const std::vector<Reals>& t) { return reference::max_pool(shape, t[0]); }};
  row.has_kinks = true;
  return row;
}

OpCase global_avg_pool_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  const std::string variant = fmt::format("{}x{}x{}x{}", n, h, w, c);
  return {
      "global_avg_pool",
      variant,
      {case_input("global_avg_pool" + variant, "x", {n, h, w, c})},
      [](Backend&, const std::vector<Tensor>& t) { return [t] { return global_avg_pool(t[0]); }; },
      [=](const std::vector<Reals>& t) {
        return reference::global_avg_pool(t[0], static_cast<std::size_t>(n),
                                          static_cast<std::size_t>(h * w),
                                          static_cast<std::size_t>(c));
      }};
}

void add_conv_cases(std::vector<OpCase>& table) {
  for (const ConvSpec& spec : conv_specs()) table.push_back(conv_bn_case(spec));

  table.push_back(max_pool_case(1, 1, 1, 1, 1, 1, 0));
  table.push_back(max_pool_case(2, 5, 7, 3, 2, 2, 0));
  table.push_back(max_pool_case(2, 12, 12, 17, 3, 2, 1));
  table.push_back(max_pool_case(1, 4, 6, 33, 3, 1, 1));
  table.push_back(max_pool_case(1, 2, 2, 5, 3, 2, 1));
  OpCase ties = max_pool_case(2, 7, 7, 4, 3, 2, 1);
  ties.variant += " with ties";
  for (float& v : ties.inputs[0].values) v = v > 0 ? 1.0f : -1.0f;
  ties.inputs[0].trains = false;  // a tie has no derivative; the rule for it has a test of its own
  table.push_back(std::move(ties));
  for (const auto& [n, h, w, c] :
       {std::array{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 1, 1, 512}, {2, 7, 7, 33}}) {
    table.push_back(global_avg_pool_case(n, h, w, c));
  }
}

}  // namespace frost
