#include "tools/reports/intervals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace frost {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

MeanInterval within(MeanInterval m, double low, double high) {
  if (m.n < 2) return m;
  m.low = std::max(m.low, low);
  m.high = std::min(m.high, high);
  return m;
}

double student_quantile(std::size_t freedom) {
  constexpr std::array<double, 20> kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                             2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
                                             2.131,  2.120, 2.110, 2.101, 2.093, 2.086};
  if (freedom <= kTable.size()) return kTable[freedom - 1];
  // Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5), within 1e-5 of the quantile
  // here.
  constexpr double z = 1.959963984540054, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  const auto v = static_cast<double>(freedom);
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

MeanInterval mean_interval(const std::vector<double>& values) {
  std::vector<double> kept;
  std::copy_if(values.begin(), values.end(), std::back_inserter(kept),
               [](double v) { return !std::isnan(v); });
  MeanInterval result{static_cast<int>(kept.size()), kNaN, kNaN, kNaN};
  if (kept.empty()) return result;
  result.mean = std::accumulate(kept.begin(), kept.end(), 0.0) / static_cast<double>(kept.size());
  if (kept.size() < 2) return result;
  double squares = 0;
  for (const double v : kept) squares += (v - result.mean) * (v - result.mean);
  const auto n = static_cast<double>(kept.size());
  const double half = student_quantile(kept.size() - 1) * std::sqrt(squares / (n - 1) / n);
  result.low = result.mean - half;
  result.high = result.mean + half;
  return result;
}

MeanInterval share_interval(const std::vector<double>& values, double trials) {
  MeanInterval m = mean_interval(values);
  if (m.n < 2) return m;
  const double t = student_quantile(static_cast<std::size_t>(m.n) - 1);
  const double variance = std::pow((m.high - m.mean) / t, 2), spread = m.mean * (1 - m.mean);
  double results = m.n * trials;
  if (variance > 0) results = std::min(results, spread / variance);
  const double weight = t * t / results;  // of the prior mean 1/2 in Wilson's centre
  const double centre = (m.mean + weight / 2) / (1 + weight);
  const double half = std::sqrt(weight * spread + weight * weight / 4) / (1 + weight);
  m.low = centre - half;
  m.high = centre + half;
  return within(m, 0, 1);
}

}  // namespace frost
