#pragma once

#include <cstdint>

#include "engine/state_dict.h"

namespace frost {

/// When and how far the two policy losses are scaled.
struct GradientScalingConfig {
  double target_norm = 1.0;
  double momentum = 0.9;  ///< of the running norms
  double min_factor = 0.1, max_factor = 10.0;
  std::int64_t warmup_calls = 100;  ///< calls until the weights move
};

/// Weights of the discrete and the continuous policy loss, which add up to 1.
struct PolicyLossWeights {
  double discrete = 0.7, continuous = 0.3;
};

/// Weights the two policy losses of stage 2 so that their gradients come near one norm
/// (docs/ppo.md).
class GradientScaling {
 public:
  /// Running means of the gradient norms; all that a checkpoint needs.
  struct State {
    double discrete_norm = 0.0, continuous_norm = 0.0;
    std::int64_t calls = 0;
  };

  GradientScaling(const GradientScalingConfig& config, const PolicyLossWeights& base)
      : config_(config), base_(base) {}

  /// Takes the gradient norms of one minibatch's mean losses.
  void record(double discrete_norm, double continuous_norm);
  /// The base weights during the warm-up, then base times clamp(target / norm), normalised.
  PolicyLossWeights weights() const;

  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }
  /// `ppo.gradient_scaling`: both norms and the calls.
  void save(StateDict& state) const;
  /// Throws Error naming the tensor where it is missing or damaged.
  void load(const StateDict& state);

 private:
  double factor(double norm) const;

  GradientScalingConfig config_;
  PolicyLossWeights base_;
  State state_;
};

}  // namespace frost
