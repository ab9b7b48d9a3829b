#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/policy_ops.h"
#include "tests/op_table/op_cases.h"
#include "tests/op_table/op_reference.h"

// Action distributions and the terms of the PPO loss.
namespace frost {
namespace {

enum class Masks { kOpen, kMixed };

/// Any number of choices, all of them allowed.
OpCase open_categorical_case(std::int64_t n, std::int64_t choices, double deviation) {
  const std::string variant =
      fmt::format("{} rows of {} choices, logits around {}", n, choices, deviation);
  std::vector<std::int32_t> action;
  for (std::int64_t i = 0; i < n; ++i) action.push_back(static_cast<std::int32_t>(i % choices));
  const std::vector<std::uint8_t> mask(static_cast<std::size_t>(n * choices), 1);
  return {"evaluate_categorical",
          variant,
          {case_input("evaluate_categorical" + variant, "logits", {n, choices}, deviation)},
          [=](Backend& backend, const std::vector<Tensor>& t) {
            const auto taken = Tensor::from_host(backend, std::span<const std::int32_t>(action));
            return [=] { return evaluate_categorical(t[0], Tensor(), taken); };
          },
          [=](const std::vector<Reals>& t) { return reference::categorical(t[0], mask, action); }};
}

OpCase categorical_case(std::int64_t n, Masks masks, double deviation) {
  const std::string variant = fmt::format("{} cells, {} masks, logits around {}", n,
                                          masks == Masks::kOpen ? "open" : "mixed", deviation);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(2 * n), 1);
  std::vector<std::int32_t> action;
  for (std::int64_t i = 0; i < n; ++i) {
    const bool one_allowed = masks == Masks::kMixed && i % 3 != 2;
    // Where one action is forbidden, the other one was taken.
    const auto taken = static_cast<std::int32_t>((one_allowed ? i % 3 : i / 2) % 2);
    if (one_allowed) mask[static_cast<std::size_t>(2 * i + 1 - taken)] = 0;
    action.push_back(taken);
  }
  return {"evaluate_categorical",
          variant,
          {case_input("evaluate_categorical" + variant, "logits", {n, 2}, deviation)},
          [=](Backend& backend, const std::vector<Tensor>& t) {
            const auto allowed = Tensor::from_host(backend, std::span<const std::uint8_t>(mask));
            const auto taken = Tensor::from_host(backend, std::span<const std::int32_t>(action));
            return [=] { return evaluate_categorical(t[0], allowed, taken); };
          },
          [=](const std::vector<Reals>& t) { return reference::categorical(t[0], mask, action); }};
}

/// `deviation` of the log deviations: at 4 the clamp acts on most of them, on both sides.
OpCase gaussian_case(std::int64_t n, std::int64_t dims, double deviation) {
  const std::string variant =
      fmt::format("{} rows of {}, log deviations around {}", n, dims, deviation);
  const std::string seed = "evaluate_gaussian" + variant;
  CaseInput params = case_input(seed, "params", {n, 2 * dims}, deviation, -1.0);
  CaseInput u = case_input(seed, "u", {n, dims});
  // A sample lies within a few deviations of its mean.
  for (std::size_t i = 0; i < u.values.size(); ++i) {
    const std::size_t d = static_cast<std::size_t>(dims), mean = i / d * 2 * d + i % d;
    const float sigma = std::clamp(std::exp(params.values[mean + d]), 1e-3f, 2.0f);
    u.values[i] = params.values[mean] + sigma * u.values[i];
  }
  u.trains = false;
  OpCase row{"evaluate_gaussian",
             variant,
             {std::move(params), std::move(u)},
             [](Backend&, const std::vector<Tensor>& t) {
               return [t] { return evaluate_gaussian(t[0], t[1]); };
             },
             [dims](const std::vector<Reals>& t) {
               return reference::gaussian(t[0], t[1], static_cast<std::size_t>(dims));
             }};
  row.has_kinks = true;
  return row;
}

OpCase ppo_surrogate_case(const std::vector<std::int32_t>& cells, SurrogateRatio ratio,
                          double deviation, std::int64_t padding = 0) {
  const char* name = ratio == SurrogateRatio::kPerNode ? "per_node"
                     : ratio == SurrogateRatio::kJoint ? "joint"
                                                       : "mean_logp";
  std::vector<std::int32_t> offsets{0};
  for (const std::int32_t n : cells) offsets.push_back(offsets.back() + n);
  const auto states = static_cast<std::int64_t>(cells.size());
  const std::int64_t rows = offsets.back() + padding;
  const std::string variant =
      fmt::format("{}: {} states, {} cells in {} rows, log-ratios around {}", name, states,
                  offsets.back(), rows, deviation);
  const std::string seed = "ppo_surrogate" + variant;
  CaseInput evaluation = case_input(seed, "evaluation", {rows, 2}, deviation, -0.7);
  CaseInput old_logp = case_input(seed, "old_logp", {rows}, deviation, -0.7);
  CaseInput advantage = case_input(seed, "advantage", {states});
  old_logp.trains = advantage.trains = false;
  OpCase row{"ppo_surrogate",
             variant,
             {std::move(evaluation), std::move(old_logp), std::move(advantage)},
             [=](Backend& backend, const std::vector<Tensor>& t) {
               const SurrogateInputs inputs{
                   Tensor::from_host(backend, std::span<const std::int32_t>(offsets)), t[1], t[2],
                   0.1f, ratio};
               return [=] { return ppo_surrogate(t[0], inputs); };
             },
             [=](const std::vector<Reals>& t) {
               // The limit as the kernel has it: rounded to float32.
               return reference::ppo_surrogate(t[0], offsets, t[1], t[2], 0.1f, ratio);
             }};
  row.has_kinks = true;
  row.differentiable = 2;
  return row;
}

OpCase value_loss_case(std::int64_t states, std::int64_t components, ValueLossKind kind) {
  constexpr std::array kNames{"squared", "clipped", "huber"};
  const float range = 0.5f;
  const std::string variant =
      fmt::format("{} states x {}, {}", states, components, kNames[static_cast<std::size_t>(kind)]);
  const std::string seed = "value_loss" + variant;
  std::vector<CaseInput> inputs{case_input(seed, "values", {states, components}),
                                case_input(seed, "old_values", {states, components}, 0.5),
                                case_input(seed, "returns", {states, components}),
                                case_input(seed, "weights", {components}, 0.2, 0.5)};
  for (std::size_t i = 1; i < inputs.size(); ++i) inputs[i].trains = false;
  OpCase row{"value_loss", variant, std::move(inputs),
             [=](Backend&, const std::vector<Tensor>& t) {
               const ValueLossInputs batch{t[1], t[2], t[3], kind, range};
               return [=] { return value_loss(t[0], batch); };
             },
             [=](const std::vector<Reals>& t) {
               return reference::value_loss(t[0], t[1], t[2], t[3], kind, range);
             }};
  row.has_kinks = true;
  row.differentiable = 1;
  return row;
}

}  // namespace

void add_policy_cases(std::vector<OpCase>& table) {
  table.push_back(categorical_case(1, Masks::kOpen, 1.0));
  table.push_back(categorical_case(33, Masks::kOpen, 2.0));
  table.push_back(categorical_case(37, Masks::kMixed, 2.0));
  table.push_back(categorical_case(16, Masks::kOpen, 8.0));
  table.push_back(open_categorical_case(1, 1, 1.0));
  table.push_back(open_categorical_case(9, 3, 2.0));
  table.push_back(open_categorical_case(33, 18, 4.0));
  table.push_back(gaussian_case(1, 1, 0.5));
  table.push_back(gaussian_case(33, 4, 0.5));
  table.push_back(gaussian_case(7, 5, 1.0));
  table.push_back(gaussian_case(16, 4, 4.0));
  for (const SurrogateRatio ratio :
       {SurrogateRatio::kPerNode, SurrogateRatio::kJoint, SurrogateRatio::kMeanLogp}) {
    table.push_back(ppo_surrogate_case({1}, ratio, 0.05));
    table.push_back(ppo_surrogate_case({5, 1, 7, 4}, ratio, 0.15));
    table.push_back(ppo_surrogate_case({0, 3, 0, 2}, ratio, 0.15));
    table.push_back(ppo_surrogate_case({5, 1, 7, 4}, ratio, 0.15, 7));
    // Log-ratios on the scale of the limit: both signs of the advantage meet both of its sides.
    table.push_back(ppo_surrogate_case(std::vector<std::int32_t>(40, 3), ratio, 0.1));
  }
  for (const ValueLossKind kind :
       {ValueLossKind::kSquared, ValueLossKind::kClipped, ValueLossKind::kHuber}) {
    table.push_back(value_loss_case(1, 1, kind));
    table.push_back(value_loss_case(7, 6, kind));
    table.push_back(value_loss_case(64, 6, kind));
  }
}

}  // namespace frost
