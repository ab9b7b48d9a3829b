#pragma once

#include <span>
#include <vector>

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

/// (x - mean) / (population deviation + 1e-8), in place.
void standardise(std::vector<double>& values);

}  // namespace frost
