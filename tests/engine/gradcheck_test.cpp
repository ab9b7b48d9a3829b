#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "tests/op_table/op_cases.h"
#include "tests/op_table/precision.h"

namespace frost {
namespace {

/// The random weights c of the checked function <c, op(x)>; zero where no gradient passes.
std::vector<float> cotangent_of(const OpCase& row, const Shape& shape) {
  std::vector<float> c = case_input(row.title(), "cotangent", shape).values;
  if (row.differentiable > 0)
    std::fill(c.begin() + static_cast<long>(row.differentiable), c.end(), 0.0f);
  return c;
}

void run_backward(const OpCase& row, const OpCase::Run& run) {
  const Tensor y = run();
  backward({{y, Tensor::from_host(y.backend(), y.shape(), cotangent_of(row, y.shape()))}});
}

/// Gradients of the row's inputs, those in `trains`; the others stay empty. Every buffer holds
/// infinities before the pass, so that an element which is not written shows.
std::vector<std::vector<float>> gradients_of(Backend& backend, const OpCase& row,
                                             const std::vector<bool>& trains) {
  const std::vector<Tensor> inputs = upload(backend, row.inputs, trains);
  const OpCase::Run run = row.bind(backend, inputs);
  run_backward(row, run);
  for (Tensor t : inputs) {
    if (!t.grad().defined()) continue;
    const std::vector<float> poison(static_cast<std::size_t>(t.numel()), INFINITY);
    t.grad().copy_from_host(poison);
    t.zero_grad();
  }
  run_backward(row, run);
  std::vector<std::vector<float>> gradients;
  for (const Tensor& t : inputs) {
    gradients.push_back(t.grad().defined() ? t.grad().to_host() : std::vector<float>());
  }
  return gradients;
}

/// d<c, reference(x)> / dx[input][element] by central differences; nothing at a kink.
std::optional<double> slope(const OpCase& row, const std::vector<float>& c, std::vector<Reals>& x,
                            std::size_t input, std::size_t element, double here) {
  constexpr double kStep = 1e-5, kSameSlope = 1e-3;
  const auto value = [&] {
    const Reals y = row.reference(x);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (c[i] != 0.0f) sum += c[i] * y[i];
    }
    return sum;
  };
  const double at = x[input][element];
  x[input][element] = at + kStep;
  const double above = value();
  x[input][element] = at - kStep;
  const double below = value();
  x[input][element] = at;
  const double right = (above - here) / kStep, left = (here - below) / kStep;
  if (row.has_kinks && std::abs(right - left) > kSameSlope * (1e-3 + std::abs(right))) return {};
  return (above - below) / (2 * kStep);
}

/// At most 64 elements, spread over the input; fewer where one evaluation is expensive.
std::vector<std::size_t> sample(const OpCase& row, std::size_t size) {
  const std::size_t count = row.flops > 1e6 ? 12 : 64;
  std::vector<std::size_t> elements;
  for (std::size_t i = 0; i < std::min(size, count); ++i) {
    elements.push_back(size <= count ? i : (i * 2654435761U + 17) % size);
  }
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  return elements;
}

/// Slopes of the reference at some elements of one input; none where it has a kink.
struct Slopes {
  std::vector<std::size_t> elements;
  Reals values;
};

/// Of every input that trains; the others have no elements.
std::vector<Slopes> slopes_of(const OpCase& row) {
  std::vector<Reals> x = as_reals(row.inputs);
  const Reals y = row.reference(x);
  const auto c = cotangent_of(row, {static_cast<std::int64_t>(y.size())});
  double here = 0;
  for (std::size_t i = 0; i < y.size(); ++i) here += c[i] == 0.0f ? 0.0 : c[i] * y[i];
  std::vector<Slopes> all(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!row.inputs[i].trains) continue;
    const auto elements = sample(row, x[i].size());
    for (const std::size_t e : elements) {
      const auto s = slope(row, c, x, i, e, here);
      if (!s) continue;
      all[i].elements.push_back(e);
      all[i].values.push_back(*s);
    }
    EXPECT_GE(2 * all[i].elements.size(), elements.size()) << "too many kinks to judge";
  }
  return all;
}

void expect_slopes(Backend& backend, const OpCase& row, const std::vector<Slopes>& expected,
                   double tolerance) {
  const auto gradients = gradients_of(backend, row, trains_of(row));
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    SCOPED_TRACE("gradient of " + row.inputs[i].name);
    const std::vector<float>& gradient = gradients[i];
    ASSERT_EQ(gradient.size(), row.inputs[i].trains ? row.inputs[i].values.size() : 0U);
    EXPECT_TRUE(std::all_of(gradient.begin(), gradient.end(), [](float g) {
      return std::isfinite(g);
    })) << "not written everywhere";
    Reals got;
    for (const std::size_t e : expected[i].elements) got.push_back(gradient[e]);
    EXPECT_LE(relative_error(got, expected[i].values), tolerance);
  }
}

class Gradcheck : public testing::TestWithParam<std::string> {};

TEST_P(Gradcheck, AutogradMatchesCentralDifferencesOfTheReference) {
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    const std::vector<bool> trains = trains_of(*row);
    if (std::find(trains.begin(), trains.end(), true) == trains.end()) continue;
    const std::vector<Slopes> expected = slopes_of(*row);
    for (Backend* backend : test_backends()) {
      for (const MathMode math : precisions_of(*backend)) {
        const PrecisionScope scope(*backend, math);
        SCOPED_TRACE(backend->description());
        expect_slopes(*backend, *row, expected, gradient_tolerance(*row, math));
      }
    }
  }
}

TEST_P(Gradcheck, ASecondBackwardPassAddsToTheFirst) {
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    for (Backend* backend : test_backends()) {
      const std::vector<Tensor> inputs = upload(*backend, row->inputs, trains_of(*row));
      const OpCase::Run run = row->bind(*backend, inputs);
      if (!run().requires_grad()) continue;
      run_backward(*row, run);
      std::vector<Reals> doubled;
      for (const Tensor& t : inputs) {
        if (!t.grad().defined()) continue;
        doubled.push_back(as_reals(t.grad().to_host()));
        for (double& g : doubled.back()) g *= 2;
      }
      run_backward(*row, run);
      std::size_t i = 0;
      for (const Tensor& t : inputs) {
        if (!t.grad().defined()) continue;
        EXPECT_LE(relative_error(t.grad().to_host(), doubled[i++]), 1e-6);
      }
      EXPECT_GT(i, 0U);
    }
  }
}

TEST_P(Gradcheck, EverySetOfFrozenInputsLeavesTheOtherGradientsAsTheyAre) {
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    if (row->flops > 1e7) continue;
    const std::vector<bool> all = trains_of(*row);
    for (Backend* backend : test_backends()) {
      if (std::find(all.begin(), all.end(), true) == all.end()) continue;
      const auto full = gradients_of(*backend, *row, all);
      for (unsigned chosen = 1; chosen < 1U << all.size(); ++chosen) {
        std::vector<bool> trains(all.size());
        bool possible = true;
        for (std::size_t i = 0; i < all.size(); ++i) {
          trains[i] = (chosen >> i & 1U) != 0;
          possible = possible && (!trains[i] || all[i]);
        }
        if (!possible) continue;
        const auto gradients = gradients_of(*backend, *row, trains);
        for (std::size_t i = 0; i < all.size(); ++i) {
          const auto expected = trains[i] ? full[i] : std::vector<float>();
          EXPECT_LE(relative_error(gradients[i], as_reals(expected)), 1e-6)
              << row->inputs[i].name << " in subset " << chosen;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Gradcheck, testing::ValuesIn(op_case_names()),
                         [](const auto& info) { return info.param; });

TEST(MaxPoolTies, TheFirstMaximumOfAWindowTakesTheGradient) {
  for (Backend* backend : test_backends()) {
    Tensor x = Tensor::zeros(*backend, {1, 4, 4, 1});
    x.set_requires_grad(true);
    const Tensor y = max_pool2d(x, 2, 2, 0);
    const std::vector<float> c{1, 2, 3, 4};
    backward({{y, Tensor::from_host(*backend, y.shape(), c)}});
    const std::vector<float> expected{1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0};
    EXPECT_EQ(x.grad().to_host(), expected);
  }
}

TEST(MaxPoolTies, OverlappingWindowsAddUpAndPaddingNeverWins) {
  for (Backend* backend : test_backends()) {
    const std::vector<float> below_zero{-9, -9, -9, -9, -1, -9, -9, -9, -9};
    Tensor x = Tensor::from_host(*backend, {1, 3, 3, 1}, below_zero);
    x.set_requires_grad(true);
    const Tensor y = max_pool2d(x, 3, 2, 1);
    EXPECT_EQ(y.to_host(), std::vector<float>(4, -1.0f));
    backward({{y, Tensor::from_host(*backend, y.shape(), std::vector<float>{1, 2, 3, 4})}});
    EXPECT_EQ(x.grad().to_host(), (std::vector<float>{0, 0, 0, 0, 10, 0, 0, 0, 0}));
  }
}

TEST(MaxPool, LetsANonFiniteValueThrough) {
  for (Backend* backend : test_backends()) {
    const Tensor x = Tensor::from_host(*backend, {1, 2, 2, 1}, std::vector<float>{1, NAN, 2, 3});
    EXPECT_TRUE(std::isnan(max_pool2d(x, 2, 2, 0).to_host().front()));
  }
}

}  // namespace
}  // namespace frost
