#include "rl/action_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/policy_ops.h"
#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "rl/envs/durotaxis/durotaxis_config.h"

namespace frost {
namespace {

const std::vector<ContinuousDimension>& spawn_dimensions() {
  static const std::vector<ContinuousDimension> dimensions = SpawnPolicyConfig().dimensions();
  return dimensions;
}

TEST(ExecutedValue, MapsRawSamplesIntoTheConfiguredRanges) {
  const double want[4][3] = {{7.75, 11.10034939, 2.22844237},
                             {2.25, 3.05870503, .91721023},
                             {.275, .37897636, .10364131},
                             {0, .59815605, -.75714726}};
  const double u[3] = {0, 1, -2};
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(executed_value(spawn_dimensions()[p], u[i]), want[p][i], 1e-7) << p << " " << i;
    }
  }
}

TEST(ExecutedValue, AClippedDimensionIsTheSampleCutOff) {
  const ContinuousDimension clipped{-2, 2, Squash::kClip};
  EXPECT_EQ(executed_value(clipped, 0.5), 0.5);
  EXPECT_EQ(executed_value(clipped, -3), -2);
  EXPECT_THROW(log_executed_derivative(clipped, 0), Error);
}

TEST(ExecutedValue, JacobianAgreesWithDifferences) {
  for (std::size_t p = 0; p < 4; ++p) {
    for (const double u : {-3.0, -.4, 0.0, .7, 2.5}) {
      const double h = 1e-5;
      const double slope = (executed_value(spawn_dimensions()[p], u + h) -
                            executed_value(spawn_dimensions()[p], u - h)) /
                           (2 * h);
      EXPECT_NEAR(log_executed_derivative(spawn_dimensions()[p], u), std::log(slope), 1e-7);
    }
  }
}

TEST(SquashedPolicy, ScoresTheRawSampleAndTheExecutedValue) {
  Backend& backend = cpu_backend();
  const std::vector<float> params = {
      .3f, -.2f, 0, .1f, std::log(1.f), std::log(.5f), std::log(.8f), std::log(.6f)};
  const std::vector<float> u = {.7f, .1f, -.4f, .5f};
  const std::vector<float> out = evaluate_gaussian(Tensor::from_host(backend, {1, 8}, params),
                                                   Tensor::from_host(backend, {1, 4}, u))
                                     .to_host();
  EXPECT_NEAR(out[0], -2.85586000, 1e-6);
  double jacobian = 0;
  for (std::size_t p = 0; p < 4; ++p)
    jacobian += log_executed_derivative(spawn_dimensions()[p], u[p]);
  EXPECT_NEAR(jacobian, -1.67458315, 1e-6);
  EXPECT_NEAR(out[0] - jacobian, -1.18127685, 2e-6);
}

TEST(SquashedPolicy, EntropyIsThatOfTheNormal) {
  Backend& backend = cpu_backend();
  const std::vector<float> params = {0, 0, 0, std::log(.5f)};
  const auto out = evaluate_gaussian(Tensor::from_host(backend, {1, 4}, params),
                                     Tensor::from_host(backend, {1, 2}, std::vector<float>(2)))
                       .to_host();
  EXPECT_NEAR(out[1], 1.41893853 + .72579135, 1e-6);
}

double log_density(const std::vector<double>& p, const std::vector<double>& u, double& entropy) {
  double logp = 0;
  entropy = 0;
  for (std::size_t d = 0; d < u.size(); ++d) {
    const double log_sigma = std::clamp(p[u.size() + d], std::log(1e-3), std::log(2.0));
    const double z = (u[d] - p[d]) / std::exp(log_sigma);
    logp += -.5 * z * z - log_sigma - .5 * std::log(2 * M_PI);
    entropy += .5 + .5 * std::log(2 * M_PI) + log_sigma;
  }
  return logp;
}

TEST(SquashedPolicy, GradientsAgreeWithDifferences) {
  Backend& backend = cpu_backend();
  const std::vector<double> p = {.3, -.2, 1.1, -.4, -9.0, .9}, u = {.7, .1, .35};
  std::vector<float> pf(p.begin(), p.end()), uf(u.begin(), u.end());
  Tensor params = Tensor::from_host(backend, {1, 6}, pf);
  params.set_requires_grad(true);
  const Tensor out = evaluate_gaussian(params, Tensor::from_host(backend, {1, 3}, uf));
  const std::vector<float> cotangent = {.8f, -1.3f};
  backward({{out, Tensor::from_host(backend, {1, 2}, cotangent)}});
  const std::vector<float> got = params.grad().to_host();
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double h = 1e-6;
    std::vector<double> up = p, down = p;
    up[i] += h;
    down[i] -= h;
    double entropy_up, entropy_down;
    const double slope_logp =
        (log_density(up, u, entropy_up) - log_density(down, u, entropy_down)) / (2 * h);
    const double want = .8 * slope_logp - 1.3 * (entropy_up - entropy_down) / (2 * h);
    EXPECT_NEAR(got[i], want, 1e-4 * std::max(1.0, std::abs(want))) << i;
  }
}

}  // namespace
}  // namespace frost
