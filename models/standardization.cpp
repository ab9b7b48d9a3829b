#include "models/standardization.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/errors.h"

namespace frost {
namespace {

constexpr double kLeastVariance = 0.01;  ///< of a column, as a share of its group's mean

Tensor buffer(Backend& backend, std::int64_t columns, float value) {
  return Tensor::from_host(backend, {columns},
                           std::vector<float>(static_cast<std::size_t>(columns), value));
}

}  // namespace

Standardization::Standardization(Backend& backend, std::vector<std::int64_t> groups)
    : groups_(std::move(groups)) {
  const std::int64_t columns = std::accumulate(groups_.begin(), groups_.end(), std::int64_t{0});
  mean_ = buffer(backend, columns, 0.0f);
  variance_ = buffer(backend, columns, kUnitVariance);
  rows_ = buffer(backend, 1, 0.0f);
  scale_ = buffer(backend, columns, 1.0f);
  shift_ = buffer(backend, columns, 0.0f);
  register_buffer("mean", mean_);
  register_buffer("variance", variance_);
  register_buffer("rows", rows_);
}

Tensor Standardization::operator()(const Tensor& x) const {
  const std::int64_t n = x.dim(0), columns = x.dim(1);
  return batch_norm(x.reshape({n, 1, 1, columns}), scale_, shift_, mean_, variance_)
      .reshape({n, columns});
}

bool Standardization::defined() const {
  return rows_.to_host<float>()[0] > 0;
}

void Standardization::define(std::span<const double> sums) {
  const double n = sums[0];
  if (n == 0) fail("standardization", "there is nothing to take statistics of");
  const auto columns = static_cast<std::size_t>(mean_.numel());
  std::vector<float> mean, variance;
  for (const std::int64_t group : groups_) {
    std::vector<double> spread;
    for (std::int64_t i = 0; i < group; ++i) {
      const std::size_t c = mean.size();
      const double average = sums[1 + c] / n;
      mean.push_back(static_cast<float>(average));
      spread.push_back(sums[1 + columns + c] / n - average * average);
    }
    const double average =
        std::accumulate(spread.begin(), spread.end(), 0.0) / static_cast<double>(group);
    if (!std::isfinite(average)) {
      throw NotFiniteError("[standardization] what the body yields is not finite");
    }
    for (const double v : spread) {
      const double used = average > 0 ? std::max(v, kLeastVariance * average) : 1.0;
      variance.push_back(static_cast<float>(used - kBatchNormEpsilon));
    }
  }
  mean_.copy_from_host(mean);
  variance_.copy_from_host(variance);
  rows_.copy_from_host(std::vector<float>{static_cast<float>(n)});
}

std::vector<double> column_sums(const Tensor& rows) {
  const std::vector<float> values = rows.to_host<float>();
  const auto columns = static_cast<std::size_t>(rows.dim(1));
  std::vector<double> sums(1 + 2 * columns);
  sums[0] = static_cast<double>(rows.dim(0));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = values[i];
    sums[1 + i % columns] += x;
    sums[1 + columns + i % columns] += x * x;
  }
  return sums;
}

}  // namespace frost
