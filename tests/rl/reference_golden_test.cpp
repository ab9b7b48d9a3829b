#include <gtest/gtest.h>

#include <cmath>

#include "rl/envs/control/classic_control.h"
#include "tests/golden/closed_form.h"
#include "tests/golden_files.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

constexpr std::size_t kSegments = 24, kSteps = 12;

/// The starting states and actions of tests/golden/reference_golden.py.
struct Problem {
  std::string name;
  std::vector<std::array<double, 2>> numbers;  ///< scale and offset of each of the state
  int choices;                                 ///< 0: a torque
};

Action action_of(const Problem& problem, float value) {
  if (problem.choices == 0) return {{}, {value}};
  return {{static_cast<std::int32_t>(static_cast<double>(value) * problem.choices)}, {}};
}

/// Relative to the number, or absolute where it is below one.
void expect_close(double actual, double expected, double tolerance, const std::string& what) {
  EXPECT_NEAR(actual, expected, tolerance * std::max(1.0, std::abs(expected))) << what;
}

/// Runs every segment in `environment` and compares where it ends.
void compare(ControlEnvironment& environment, const Problem& problem) {
  const StateDict golden = read_safetensors(golden_path("reference.safetensors")).tensors;
  const auto find = [&](const char* what) { return golden.at(problem.name + "." + what); };
  const auto lengths = find("length").to_int64("length");
  const auto terminated = find("terminated").to_bytes("terminated");
  const auto returns = find("return").to_doubles("return");
  const auto states = find("state").to_doubles("state");
  const auto observations = find("observation").to_floats("observation");
  const std::vector<float> actions =
      problem.choices > 0
          ? closed_form_values(problem.name + ".actions", kSegments * kSteps, 0.5, 0.5)
          : closed_form_values(problem.name + ".actions", kSegments * kSteps, 2.0);
  std::vector<std::vector<float>> starts;
  for (std::size_t i = 0; i < problem.numbers.size(); ++i) {
    starts.push_back(closed_form_values(problem.name + ".state." + std::to_string(i), kSegments,
                                        problem.numbers[i][0], problem.numbers[i][1]));
  }
  const std::size_t width = observations.size() / kSegments;
  for (std::size_t k = 0; k < kSegments; ++k) {
    const std::string where = problem.name + " segment " + std::to_string(k);
    std::vector<double> state;
    for (const std::vector<float>& number : starts) state.push_back(number[k]);
    environment.start(state);
    double total = 0;
    std::size_t length = 0;
    StepResult result;
    while (length < kSteps && !result.terminated) {
      result = environment.step(action_of(problem, actions[k * kSteps + length++]));
      total += result.reward[kTotal];
    }
    ASSERT_EQ(length, static_cast<std::size_t>(lengths[k])) << where;
    EXPECT_EQ(result.terminated, terminated[k] != 0) << where;
    expect_close(total, returns[k], 1e-10, where + " return");
    for (std::size_t i = 0; i < state.size(); ++i) {
      expect_close(environment.state()[i], states[k * state.size() + i], 1e-10, where + " state");
    }
    const auto seen = std::get<VectorObservation>(environment.observe()).values;
    ASSERT_EQ(seen.size(), width);
    for (std::size_t i = 0; i < width; ++i) {
      expect_close(seen[i], observations[k * width + i], 1.2e-7, where + " observation");
    }
  }
}

TEST(ReferenceGolden, CartPoleMovesAsGymnasiums) {
  CartPole environment;
  compare(environment, {"CartPole-v1", {{2.25, 0}, {2.0, 0}, {0.2, 0}, {2.0, 0}}, 2});
}

TEST(ReferenceGolden, AcrobotMovesAsGymnasiums) {
  Acrobot environment;
  compare(environment, {"Acrobot-v1", {{1.5, 0}, {1.5, 0}, {4.0, 0}, {8.0, 0}}, 3});
}

TEST(ReferenceGolden, MountainCarMovesAsGymnasiums) {
  MountainCar environment;
  compare(environment, {"MountainCar-v0", {{0.875, -0.3125}, {0.0625, 0}}, 3});
}

TEST(ReferenceGolden, PendulumMovesAsGymnasiums) {
  Pendulum environment;
  compare(environment, {"Pendulum-v1", {{12.0, 0}, {7.5, 0}}, 0});
}

}  // namespace
}  // namespace frost
