#include <fmt/format.h>

#include <array>

#include "tests/op_table/op_cases.h"
#include "tests/op_table/op_reference.h"

// Losses of supervised learning.
namespace frost {
namespace {

OpCase cross_entropy_case(std::int64_t n, std::int64_t classes, double deviation) {
  const std::string variant =
      fmt::format("{} rows of {} classes, logits around {}", n, classes, deviation);
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<std::int32_t>((7 * i + 3) % classes));
  }
  return {"cross_entropy",
          variant,
          {case_input("cross_entropy" + variant, "logits", {n, classes}, deviation)},
          [=](Backend& backend, const std::vector<Tensor>& t) {
            const auto truth = Tensor::from_host(backend, std::span<const std::int32_t>(labels));
            return [=] { return cross_entropy(t[0], truth); };
          },
          [=](const std::vector<Reals>& t) { return reference::cross_entropy(t[0], labels); }};
}

OpCase mse_case(const Shape& shape) {
  const std::string variant = to_string(shape);
  return {"mse",
          variant,
          {case_input("mse" + variant, "x", shape), case_input("mse" + variant, "target", shape)},
          [](Backend&, const std::vector<Tensor>& t) { return [t] { return mse(t[0], t[1]); }; },
          [](const std::vector<Reals>& t) { return reference::mse(t[0], t[1]); }};
}

}  // namespace

void add_loss_cases(std::vector<OpCase>& table) {
  for (const auto& [n, classes] : {std::array{1, 1}, {1, 2}, {5, 7}, {70, 10}, {3, 1000}}) {
    table.push_back(cross_entropy_case(n, classes, 1.0));
  }
  // Nearly certain, rightly and wrongly: exponentials that overflow and that vanish.
  table.push_back(cross_entropy_case(9, 5, 60.0));
  for (const Shape& shape : {Shape{1}, {5, 7}, {2, 3, 3, 5}, {70, 129}}) {
    table.push_back(mse_case(shape));
  }
}

}  // namespace frost
