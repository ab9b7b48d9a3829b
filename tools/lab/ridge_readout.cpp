#include "tools/lab/ridge_readout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "kernels/backend_registry.h"
#include "kernels/errors.h"

namespace frost {
namespace {

using Vector = std::vector<double>;
constexpr double kPenalties[] = {1e-4, 1e-3, 1e-2, 1e-1, 1.0};  // per fitted sample

std::size_t as_size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double squares_about(std::span<const double> values, double centre) {
  double sum = 0;
  for (const double v : values) sum += (v - centre) * (v - centre);
  return sum;
}

bool is_constant(std::span<const double> values) {
  return std::ranges::all_of(values, [&](double v) { return v == values.front(); });
}

/// Every column centred and scaled by its first `fitted` rows, over the root of the width.
std::vector<float> standardised(const ReadoutData& data, std::int64_t fitted) {
  std::vector<float> x = data.features;
  const std::size_t width = as_size(data.width);
  for (std::size_t c = 0; c < width; ++c) {
    Vector column;
    for (std::size_t r = 0; r < as_size(fitted); ++r) column.push_back(x[r * width + c]);
    const double mean = mean_of(column);
    const double spread = std::sqrt(squares_about(column, mean) / static_cast<double>(fitted));
    const double scale = spread < 1e-7 ? 0 : 1 / (spread * std::sqrt(double(data.width)));
    for (std::size_t r = 0; r < as_size(data.samples); ++r) {
      x[r * width + c] = static_cast<float>((x[r * width + c] - mean) * scale);
    }
  }
  return x;
}

/// Inner products of all rows with the first `fitted`, [samples, fitted].
Vector inner_products(const ReadoutData& data, std::int64_t fitted) {
  const NoGradGuard no_grad;
  const Tensor x =
      Tensor::from_host(cpu_backend(), {data.samples, data.width}, standardised(data, fitted));
  const std::vector<float> products = linear(x, narrow_rows(x, 0, fitted), {}).to_host();
  return {products.begin(), products.end()};
}

/// The lower factor of K + penalty * n * I in place of the n first rows of K.
Vector cholesky(const Vector& k, std::size_t n, double penalty) {
  Vector factor(k.begin(), k.begin() + static_cast<std::ptrdiff_t>(n * n));
  for (std::size_t i = 0; i < n; ++i) {
    factor[i * n + i] += penalty * static_cast<double>(n);
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = factor[i * n + j];
      for (std::size_t m = 0; m < j; ++m) sum -= factor[i * n + m] * factor[j * n + m];
      factor[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / factor[j * n + j];
    }
  }
  return factor;
}

/// Solves L L^T y = x.
Vector solve(const Vector& factor, Vector x) {
  const std::size_t n = x.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t m = 0; m < i; ++m) x[i] -= factor[i * n + m] * x[m];
    x[i] /= factor[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    x[i] /= factor[i * n + i];
    for (std::size_t m = 0; m < i; ++m) x[m] -= factor[i * n + m] * x[i];
  }
  return x;
}

/// A target, and how its part from `begin` to `end` is predicted by weights of the fitted samples.
struct Target {
  const Vector& values;
  double mean;  ///< over the fitted samples

  /// Sum of the squared errors from `begin` to `end`.
  double error(const Vector& k, const Vector& weights, std::size_t begin, std::size_t end) const {
    double error = 0;
    for (std::size_t r = begin; r < end; ++r) {
      double prediction = mean;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        prediction += k[r * weights.size() + i] * weights[i];
      }
      error += (values[r] - prediction) * (values[r] - prediction);
    }
    return error;
  }
};

}  // namespace

std::vector<double> ridge_scores(const ReadoutData& data) {
  if (data.samples < 12 || data.width < 1 ||
      data.features.size() != as_size(data.samples * data.width)) {
    fail("ridge_scores", fmt::format("{} samples of {} features: at least 12 are needed",
                                     data.samples, data.width));
  }
  const std::size_t all = as_size(data.samples), fitted = all / 2, scored = all * 2 / 3;
  const Vector k = inner_products(data, static_cast<std::int64_t>(fitted));
  std::vector<Vector> factors;
  for (const double penalty : kPenalties) factors.push_back(cholesky(k, fitted, penalty));
  std::vector<double> scores;
  for (const Vector& values : data.targets) {
    const auto begin = values.begin();
    const Vector fit(begin, begin + static_cast<std::ptrdiff_t>(fitted));
    const Target target{values, mean_of(fit)};
    const std::span tail = std::span(values).subspan(scored);
    if (is_constant(fit) || is_constant(tail)) {
      scores.push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    Vector centred = fit;
    for (double& v : centred) v -= target.mean;
    double least = HUGE_VAL, score = 0;
    for (const Vector& factor : factors) {
      const Vector weights = solve(factor, centred);
      const double error = target.error(k, weights, fitted, scored);
      if (!(error < least)) continue;
      least = error;
      score = 1 - target.error(k, weights, scored, all) / squares_about(tail, mean_of(tail));
    }
    scores.push_back(std::max(score, 0.0));
  }
  return scores;
}

}  // namespace frost
