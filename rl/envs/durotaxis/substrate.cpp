#include "rl/envs/durotaxis/substrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/errors.h"

namespace frost {

Substrate::Substrate(const SubstrateConfig& config) : config_(config) {
  if (config.kind == SubstrateConfig::Kind::kRandom)
    throw UsageError("[substrate] kind 'random' is not a field; draw one with resolve_field");
  if (config.width < 8 || config.height < 8)
    throw UsageError(fmt::format("[substrate] size {}x{}: both sides must be at least 8",
                                 config.width, config.height));
  columns_.resize(static_cast<std::size_t>(config.width));
  const bool linear = config.kind == SubstrateConfig::Kind::kLinear;
  for (int k = 0; k < config.width; ++k)
    columns_[static_cast<std::size_t>(k)] =
        linear ? config.m * k + config.b : config.b * std::exp(config.m * k);
  max_ = *std::max_element(columns_.begin(), columns_.end());
  const bool finite = std::all_of(columns_.begin(), columns_.end(),
                                  [](double value) { return std::isfinite(value); });
  if (!finite || max_ <= 0.0)
    throw UsageError(fmt::format(
        "[substrate] m={}, b={} over {} columns: intensities must be finite and somewhere positive",
        config.m, config.b, config.width));
}

double Substrate::gain(double from, double to) const {
  const std::size_t left = std::min(column(from), columns_.size() - 2);
  const double slope = columns_[left + 1] - columns_[left];
  return slope > 0.0 ? (intensity(to) - intensity(from)) / slope : 0.0;
}

SubstrateConfig resolve_field(SubstrateConfig config, RandomStream& stream) {
  if (config.kind != SubstrateConfig::Kind::kRandom) return config;
  const bool linear = stream.uniform_double() < 0.5;
  const auto& m = linear ? config.linear_m : config.exponential_m;
  const auto& b = linear ? config.linear_b : config.exponential_b;
  config.kind = linear ? SubstrateConfig::Kind::kLinear : SubstrateConfig::Kind::kExponential;
  config.m = stream.uniform(m.low, m.high);
  config.b = stream.uniform(b.low, b.high);
  return config;
}

}  // namespace frost
