#include "models/standardization.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/autograd.h"
#include "kernels/backend_registry.h"
#include "kernels/errors.h"

namespace frost {
namespace {

Tensor rows(std::int64_t columns, const std::vector<float>& values) {
  const auto n = static_cast<std::int64_t>(values.size()) / columns;
  return Tensor::from_host(cpu_backend(), {n, columns}, values);
}

TEST(Standardization, IsTheIdentityBeforeThereAreStatistics) {
  const Standardization layer(cpu_backend(), {2, 1});
  const std::vector<float> values = {1, -2, 300, 0.5f, 0, -7};
  EXPECT_FALSE(layer.defined());
  const std::vector<float> got = layer(rows(3, values)).to_host();
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(got[i], values[i], 1e-6f * std::abs(values[i]));
  }
}

// Two batches of rows; the second column of the first group hardly changes, the last group not.
TEST(Standardization, CentresEachColumnAndDividesByItsDeviation) {
  Standardization layer(cpu_backend(), {2, 1, 1});
  std::vector<double> sums = column_sums(rows(4, {1000, 5, -1, 7, 1002, 5, 3, 7}));
  const std::vector<double> more = column_sums(rows(4, {1004, 5.001f, 1, 7}));
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += more[i];
  layer.define(sums);
  EXPECT_TRUE(layer.defined());
  const std::vector<float> got = layer(rows(4, {1004, 5, 3, 8})).to_host();
  const double first = std::sqrt(8.0 / 3);         // of 1000, 1002, 1004
  const double least = std::sqrt(0.01 * 4.0 / 3);  // a tenth of the group's
  EXPECT_NEAR(got[0], 2 / first, 1e-4);
  EXPECT_NEAR(got[1], -0.001 / 3 / least, 1e-5);
  EXPECT_NEAR(got[2], 2 / first, 1e-5);
  EXPECT_NEAR(got[3], 1, 1e-6) << "of what never changes there is no deviation";
}

TEST(Standardization, RefusesNothingAndWhatIsNotFinite) {
  Standardization layer(cpu_backend(), {1});
  EXPECT_THROW(layer.define(std::vector<double>(3)), Error);
  const Tensor infinite = rows(1, {1, std::numeric_limits<float>::infinity()});
  EXPECT_THROW(layer.define(column_sums(infinite)), NotFiniteError);
  EXPECT_FALSE(layer.defined());
}

TEST(Standardization, ItsStatisticsAreSavedAndNeverTrain) {
  Standardization layer(cpu_backend(), {2}), other(cpu_backend(), {2});
  layer.define(column_sums(rows(2, {1, 10, 3, 30})));
  EXPECT_TRUE(layer.parameters().empty());
  other.load_state_dict(layer.state_dict());
  EXPECT_TRUE(other.defined());
  const Tensor x = rows(2, {7, 8});
  EXPECT_EQ(other(x).to_host(), layer(x).to_host());
}

}  // namespace
}  // namespace frost
