#pragma once

#include <array>
#include <cstddef>

#include "rl/range.h"

namespace frost {

/// How spawn parameters are chosen (docs/durotaxis.md, "Actor and critic").
struct SpawnPolicyConfig {
  int stage = 1;  ///< 1: the environment's fixed parameters; 2: the network's
  /// gamma, alpha, noise, theta
  std::array<Range, 4> bounds{{{0.5, 15.0}, {0.5, 4.0}, {0.05, 0.5}, {-0.7854, 0.7854}}};

  bool continuous() const { return stage == 2; }
};

/// The executed value of spawn parameter `index` for the raw sample `u`: low + (high - low)
/// sigmoid(u) for gamma, alpha and noise, centre + half-width tanh(u) for theta.
double bounded_parameter(const SpawnPolicyConfig& config, std::size_t index, double u);

/// log |d bounded / du|: subtracted from the density of u, it gives the density of the executed
/// value.
double log_bounded_derivative(const SpawnPolicyConfig& config, std::size_t index, double u);

}  // namespace frost
