#include "rl/evaluator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace frost {
namespace {

/// Ends after so many steps as its seed says, and counts how many of its kind exist.
class Counted : public Environment {
 public:
  struct Count {
    int now = 0, most = 0, made = 0;
  };

  explicit Counted(Count& count) : Environment(describe()), count_(count) {
    ++count_.made;
    count_.most = std::max(count_.most, ++count_.now);
  }
  ~Counted() override { --count_.now; }
  void reset(std::uint64_t seed) override { length_ = 1 + static_cast<int>(seed % 7); }
  StepResult step(const Action&) override {
    StepResult result;
    result.reward = {1};
    result.terminated = ++steps_ == length_;
    return result;
  }
  Observation observe() const override { return VectorObservation{{0}}; }
  Action scripted_action(const std::string&, RandomStream&) const override { return {{0}, {}}; }
  int episode_steps() const override { return steps_; }

 private:
  static EnvironmentSpec describe() {
    EnvironmentSpec spec;
    spec.name = "Counted";
    spec.observation = VectorSpec{1};
    spec.actions.choices = 2;
    return spec;
  }

  Count& count_;
  int steps_ = 0, length_ = 0;
};

TEST(EvaluatePolicy, HoldsNoMoreEnvironmentsThanRun) {
  Counted::Count count;
  const EvaluationResult result = evaluate_policy([&] { return std::make_unique<Counted>(count); },
                                                  scripted_policy("any"), 300, 5);
  EXPECT_EQ(count.made, 300);
  EXPECT_EQ(count.most, 64);
  EXPECT_EQ(count.now, 0);
  ASSERT_EQ(result.episodes.size(), 300U);
  for (std::size_t k = 0; k < result.episodes.size(); ++k) {
    EXPECT_EQ(result.episodes[k].episode, static_cast<std::int64_t>(k));
    EXPECT_EQ(result.episodes[k].episode_return, result.episodes[k].steps);
    EXPECT_GE(result.episodes[k].steps, 1);
  }
}

// An episode depends on its number alone, not on what runs beside it.
TEST(EvaluatePolicy, FewEpisodesAreTheFirstOfMany) {
  Counted::Count count;
  const auto lengths = [&](int episodes) {
    std::vector<int> steps;
    for (const EpisodeRecord& e : evaluate_policy([&] { return std::make_unique<Counted>(count); },
                                                  scripted_policy("any"), episodes, 5)
                                      .episodes) {
      steps.push_back(e.steps);
    }
    return steps;
  };
  const std::vector<int> many = lengths(200), few = lengths(10);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
  EXPECT_NE(*std::min_element(many.begin(), many.end()),
            *std::max_element(many.begin(), many.end()));
}

TEST(EvaluationResult, HasNoMedianOfNoSuccess) {
  EvaluationResult result;
  result.episodes.resize(3);
  EXPECT_TRUE(std::isnan(result.median_success_steps()));
  result.episodes[1].success = true;
  result.episodes[1].steps = 12;
  EXPECT_EQ(result.median_success_steps(), 12);
}

}  // namespace
}  // namespace frost
