#include "tests/op_table/op_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "kernels/cpu_levels.h"
#include "kernels/errors.h"
#include "tests/golden/closed_form.h"
#include "tests/required_devices.h"

namespace frost {

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> table = [] {
    std::vector<OpCase> rows;
    add_dense_cases(rows);
    add_row_cases(rows);
    add_conv_cases(rows);
    add_graph_cases(rows);
    add_unfused_cases(rows);
    add_loss_cases(rows);
    add_policy_cases(rows);
    return rows;
  }();
  return table;
}

std::vector<std::string> op_case_names() {
  std::vector<std::string> names;
  for (const OpCase& row : op_cases()) {
    if (std::find(names.begin(), names.end(), row.op) == names.end()) names.push_back(row.op);
  }
  return names;
}

std::vector<const OpCase*> op_cases_of(const std::string& op) {
  std::vector<const OpCase*> rows;
  for (const OpCase& row : op_cases()) {
    if (row.op == op) rows.push_back(&row);
  }
  return rows;
}

namespace {

/// One line to stderr for each backend under test, and for each device that is left out.
std::vector<Backend*> find_test_backends() {
  std::vector<Backend*> usable{&cpu_backend()};
  for (const CpuLevel* level : cpu_levels()) {
    if (level != &chosen_cpu_level()) usable.push_back(&cpu_backend_at(*level));
  }
  for (const BackendStatus& status : available_backends()) {
    if (status.device == "cpu") continue;
    require_if_asked(status);
    if (status.backend != nullptr) {
      usable.push_back(status.backend);
    } else {
      fmt::print(stderr, "not under test: {}: {}\n", status.device, status.reason);
    }
  }
  for (const Backend* backend : usable) {
    fmt::print(stderr, "under test: {}\n", backend->description());
  }
  return usable;
}

}  // namespace

void require_if_asked(const BackendStatus& status) {
  if (status.backend != nullptr || !device_is_required(status.device)) return;
  throw Error("FROST_REQUIRE_DEVICES asks for " + status.device +
              ", which cannot be used: " + status.reason);
}

std::vector<Backend*> test_backends() {
  static const std::vector<Backend*> backends = find_test_backends();
  return backends;
}

std::vector<Tensor> upload(Backend& backend, const std::vector<CaseInput>& inputs,
                           const std::vector<bool>& trains) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    tensors.push_back(Tensor::from_host(backend, inputs[i].shape, inputs[i].values));
    tensors.back().set_requires_grad(trains[i]);
  }
  return tensors;
}

std::vector<bool> trains_of(const OpCase& row) {
  std::vector<bool> trains;
  for (const CaseInput& input : row.inputs) trains.push_back(input.trains);
  return trains;
}

Reals as_reals(std::span<const float> values) {
  return Reals(values.begin(), values.end());
}

std::vector<Reals> as_reals(const std::vector<CaseInput>& inputs) {
  std::vector<Reals> reals;
  for (const CaseInput& input : inputs) reals.push_back(as_reals(input.values));
  return reals;
}

double relative_error(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return std::numeric_limits<double>::infinity();
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

double relative_error(std::span<const float> a, std::span<const double> b) {
  return relative_error(std::span<const double>(as_reals(a)), b);
}

CaseInput case_input(const std::string& seed, const std::string& name, Shape shape,
                     double deviation, double mean) {
  const auto count = static_cast<std::size_t>(numel(shape));
  // A uniform variable on [-1, 1) has variance 1/3.
  auto values = closed_form_values(seed + "." + name, count, deviation * std::sqrt(3.0), mean);
  return {name, std::move(shape), std::move(values)};
}

}  // namespace frost
