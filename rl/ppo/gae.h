#pragma once

#include <span>
#include <vector>

#include "rl/communicator/shards.h"

namespace frost {

/// One step of one environment, as generalised advantage estimation sees it.
struct GaeStep {
  double reward = 0;
  double value = 0;       ///< V(s_t)
  double next_value = 0;  ///< 0 if terminated; V of the final state if truncated; else V(s_{t+1})
  bool last = false;      ///< the episode ends here, whatever the reason: the recursion stops
};

/// A_t = delta_t + gamma lambda A_{t+1}, delta_t = r_t + gamma V' - V_t (Schulman et al. 2016),
/// over consecutive steps of one environment. The last step of the span is cut as if it were
/// `last`.
std::vector<double> generalised_advantages(std::span<const GaeStep> steps, double gamma,
                                           double lambda);

/// Of values in all shards.
struct Spread {
  double mean = 0, deviation = 1;  ///< of the population
};
Spread spread_of(std::span<const double> values, const Shards& shards = Shards());

/// (x - mean) / (deviation + 1e-8), in place.
void standardise(std::vector<double>& values, const Spread& spread);
/// By their own spread.
void standardise(std::vector<double>& values, const Shards& shards = Shards());

}  // namespace frost
