#include "rl/ppo/gae.h"

#include <gtest/gtest.h>

#include <cmath>

namespace frost {
namespace {

std::vector<GaeStep> three_steps(double bootstrap) {
  return {{1, .5, .4, false}, {0, .4, .3, false}, {2, .3, bootstrap, bootstrap == 0}};
}

void expect_near(const std::vector<double>& got, const std::vector<double>& want,
                 double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

TEST(Gae, TerminalStepsHaveNoBootstrap) {
  expect_near(generalised_advantages(three_steps(0), .99, .95), {2.302846925, 1.49585, 1.7}, 1e-9);
}

TEST(Gae, CutStepsBootstrapFromTheirValue) {
  expect_near(generalised_advantages(three_steps(.6), .99, .95), {2.8282638335, 2.054507, 2.294},
              1e-9);
}

TEST(Gae, StandardisationUsesThePopulationDeviation) {
  std::vector<double> a = {2.302846925, 1.49585, 1.7};
  standardise(a);
  expect_near(a, {1.37172794, -.98381001, -.38791793}, 1e-7);
}

TEST(Gae, EpisodesDoNotLeakIntoEachOther) {
  const std::vector<GaeStep> first = three_steps(0);
  std::vector<GaeStep> both = first;
  both.push_back({100, 7, 3, false});
  const auto alone = generalised_advantages(first, .99, .95);
  const auto together = generalised_advantages(both, .99, .95);
  for (std::size_t i = 0; i < alone.size(); ++i) EXPECT_DOUBLE_EQ(alone[i], together[i]);
}

// One reward at the end of an episode of constant value v has a closed form: with
// d = (gamma - 1) v inside and 1 - v at the end, A_t = sum_k (gamma lambda)^k d_{t+k}.
TEST(Gae, MatchesTheClosedFormOfOneFinalReward) {
  constexpr int kSteps = 64;
  constexpr double v = 0.7;
  for (const double gamma : {1.0, 0.99}) {
    for (const double lambda : {1.0, 0.9}) {
      for (const int episodes : {1, 3}) {
        std::vector<GaeStep> steps;
        for (int i = 0; i < episodes * kSteps; ++i) {
          const bool last = i % kSteps == kSteps - 1;
          steps.push_back({last ? 1.0 : 0.0, v, last ? 0.0 : v, last});
        }
        const auto a = generalised_advantages(steps, gamma, lambda);
        for (int i = 0; i < episodes * kSteps; ++i) {
          const int ahead = kSteps - 1 - i % kSteps;
          double want = std::pow(gamma * lambda, ahead) * (1 - v);
          for (int k = 0; k < ahead; ++k) want += std::pow(gamma * lambda, k) * (gamma - 1) * v;
          EXPECT_NEAR(a[static_cast<std::size_t>(i)], want, 1e-10);
        }
      }
    }
  }
}

// A ring of four states with reward 1 forever has value 1 / (1 - gamma) everywhere; an episode cut
// by a time limit must bootstrap to exactly that, while a terminal end would not.
TEST(Gae, TruncationKeepsTheValueOfAnEndlessRing) {
  constexpr double gamma = 0.9, value = 1 / (1 - gamma);
  const std::vector<GaeStep> truncated(4, {1, value, value, false});
  std::vector<GaeStep> cut = truncated, terminal = truncated;
  cut.back().last = true;
  terminal.back() = {1, value, 0, true};
  for (const double a : generalised_advantages(cut, gamma, .95)) EXPECT_NEAR(a, 0, 1e-12);
  EXPECT_NEAR(generalised_advantages(terminal, gamma, .95).back(), 1 - value, 1e-12);
}

TEST(Gae, ReturnsAreAdvantagesOnTopOfTheValues) {
  const auto returns = [](double bootstrap) {
    const std::vector<GaeStep> steps = three_steps(bootstrap);
    std::vector<double> r = generalised_advantages(steps, .99, .95);
    for (std::size_t i = 0; i < r.size(); ++i) r[i] += steps[i].value;
    return r;
  };
  expect_near(returns(0), {2.802846925, 1.89585, 2.0}, 1e-9);
  expect_near(returns(.6), {3.3282638335, 2.454507, 2.594}, 1e-9);
}

// Values that start at zero and are set to the returns again and again: bootstrapped where the time
// limit cuts, they go to 1 / (1 - gamma); with the cut taken for an end they would stay below 3.5.
TEST(Gae, ValuesOfTheEndlessRingConvergeToTheirLimit) {
  constexpr double gamma = 0.9;
  for (const double lambda : {0.0, 0.95, 1.0}) {
    std::vector<double> values(4, 0.0);
    for (int sweep = 0; sweep < 400; ++sweep) {
      std::vector<GaeStep> steps;
      for (std::size_t s = 0; s < 4; ++s) {
        steps.push_back({1, values[s], values[(s + 1) % 4], s == 3});
      }
      const std::vector<double> a = generalised_advantages(steps, gamma, lambda);
      for (std::size_t s = 0; s < 4; ++s) values[s] += a[s];
    }
    for (const double v : values) EXPECT_NEAR(v, 1 / (1 - gamma), 1e-9) << lambda;
  }
}

}  // namespace
}  // namespace frost
