#include "rl/ppo/gradient_scaling.h"

#include <gtest/gtest.h>

namespace frost {
namespace {

TEST(GradientScaling, WeightsBringTheNormsTogether) {
  struct Row {
    double discrete, continuous, weight, other;
  };
  for (const Row& row : {Row{2, .5, .36842105, .63157895}, Row{.05, .5, .92105263, .07894737},
                         Row{20, .01, .02280130, .97719870}, Row{1, 0, .7 / 3.7, 3 / 3.7}}) {
    GradientScaling scaling({}, {});
    for (int call = 0; call < 100; ++call) {
      EXPECT_EQ(scaling.weights().discrete, 0.7);
      EXPECT_EQ(scaling.weights().continuous, 0.3);
      scaling.record(row.discrete, row.continuous);
    }
    EXPECT_NEAR(scaling.weights().discrete, row.weight, 1e-8);
    EXPECT_NEAR(scaling.weights().continuous, row.other, 1e-8);
  }
}

TEST(GradientScaling, NormsAreRunningMeansThatACheckpointRestores) {
  GradientScaling scaling({}, {}), resumed({}, {});
  scaling.record(2, 1);
  scaling.record(4, 0);
  EXPECT_NEAR(scaling.state().discrete_norm, 2.2, 1e-12);
  EXPECT_NEAR(scaling.state().continuous_norm, 0.9, 1e-12);
  resumed.restore(scaling.state());
  for (int call = 0; call < 98; ++call) {
    scaling.record(3, 0.2);
    resumed.record(3, 0.2);
  }
  EXPECT_NE(scaling.weights().discrete, 0.7);
  EXPECT_EQ(scaling.weights().discrete, resumed.weights().discrete);
}

}  // namespace
}  // namespace frost
