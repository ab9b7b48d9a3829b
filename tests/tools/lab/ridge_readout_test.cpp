#include "tools/lab/ridge_readout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/random.h"
#include "kernels/errors.h"

namespace frost {
namespace {

/// Normal features, and a target that is their sum, noise, or the same everywhere.
ReadoutData example(std::int64_t samples, std::int64_t width) {
  RandomStream random(5, StreamPurpose::kSampling);
  ReadoutData data;
  data.samples = samples;
  data.width = width;
  data.targets.resize(3);
  for (std::int64_t i = 0; i < samples; ++i) {
    double sum = 3;
    for (std::int64_t c = 0; c < width; ++c) {
      data.features.push_back(100 + 7 * random.normal());
      sum += c < 4 ? data.features.back() : 0;
    }
    data.targets[0].push_back(sum);
    data.targets[1].push_back(random.normal());
    data.targets[2].push_back(4);
  }
  return data;
}

TEST(RidgeReadout, FindsALinearTargetAndNoneInNoise) {
  const std::vector<double> scores = ridge_scores(example(300, 10));
  EXPECT_GT(scores[0], 0.999);
  EXPECT_LT(scores[1], 0.1);
  EXPECT_TRUE(std::isnan(scores[2]));
}

TEST(RidgeReadout, WithMoreFeaturesThanSamplesThePenaltyKeepsItFromFittingNoise) {
  EXPECT_LT(ridge_scores(example(60, 200))[1], 0.3);
  EXPECT_GT(ridge_scores(example(400, 300))[0], 0.5) << "a sum of four of the features";
}

// A flag that changes in the parts that are fitted and scored, but not where the penalty is chosen.
TEST(RidgeReadout, ATargetThatRestsWhereThePenaltyIsChosenIsScored) {
  ReadoutData data = example(120, 2);
  std::vector<double> flag;
  for (std::size_t i = 0; i < 120; ++i) {
    const bool rests = i >= 60 && i < 80;
    flag.push_back(rests || data.features[2 * i] > 100 ? 1 : 0);
  }
  data.targets = {flag};
  EXPECT_GT(ridge_scores(data)[0], 0.3);
}

TEST(RidgeReadout, AConstantThatNoSumOfItsCopiesHitsIsNone) {
  ReadoutData data = example(300, 2);
  data.targets = {std::vector<double>(300, 0.1)};
  EXPECT_TRUE(std::isnan(ridge_scores(data)[0]));
}

TEST(RidgeReadout, RefusesTooFewSamples) {
  EXPECT_THROW(ridge_scores(example(11, 2)), Error);
  ReadoutData data = example(20, 2);
  data.width = 3;
  EXPECT_THROW(ridge_scores(data), Error);
}

}  // namespace
}  // namespace frost
