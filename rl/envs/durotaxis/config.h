#pragma once

#include <array>

#include "rl/action_space.h"
#include "rl/range.h"

namespace frost {

/// The stiffness field (docs/durotaxis.md, "Substrate"); `random` draws one per episode.
struct SubstrateConfig {
  enum class Kind { kLinear, kExponential, kRandom };

  Kind kind = Kind::kLinear;
  double m = 0.01;  ///< slope, or growth rate
  double b = 1.0;   ///< intercept, or base
  int width = 200;
  int height = 400;
  Range linear_m{0.01, 0.1}, linear_b{0.5, 2.0};             ///< ranges of `random`
  Range exponential_m{0.01, 0.05}, exponential_b{0.5, 1.5};  ///< ranges of `random`
};

/// Hill parameters of a spawn: largest length, half-response intensity, added length, angle (rad).
struct SpawnParameters {
  float gamma = 5.0f, alpha = 2.0f, noise = 0.1f, theta = 0.0f;
};

/// How spawn parameters are chosen (docs/durotaxis.md, "Actor and critic").
struct SpawnPolicyConfig {
  int stage = 1;  ///< 1: the environment's fixed parameters; 2: the network's
  /// gamma, alpha, noise, theta
  std::array<Range, 4> bounds{{{0.5, 15.0}, {0.5, 4.0}, {0.05, 0.5}, {-0.7854, 0.7854}}};

  bool continuous() const { return stage == 2; }
  /// The four as dimensions of an action; gamma, alpha and noise by sigmoid, theta by tanh.
  std::vector<ContinuousDimension> dimensions() const;
};

/// The distance reward (docs/durotaxis.md, "Reward").
struct DistanceRewardConfig {
  bool use_delta_distance = true;
  double distance_reward_scale = 5.0;
  double terminal_reward_scale = 0.02;
  bool clip_terminal_rewards = true;
  double terminal_reward_clip_value = 10.0;
};

struct TerminationRewards {
  double success_reward = 500, out_of_bounds_penalty = -100, no_nodes_penalty = -100;
  double leftward_drift_penalty = -50, timeout_penalty = 0, critical_nodes_penalty = -15;
};

/// Everything the durotaxis environment depends on besides its seed.
struct DurotaxisConfig {
  SubstrateConfig substrate;
  int init_num_nodes = 5;
  int max_critical_nodes = 75;        ///< N_c: above it marking starts
  int threshold_critical_nodes = 500; ///< N_t: above it the episode ends
  int max_steps = 1000;
  int consecutive_left_moves_limit = 30;
  int delta_time = 3;                 ///< length of the snapshot history
  int min_nodes = 0;                  ///< survivors a step must leave; 0: no rule
  int max_spawn_degree = 0;           ///< no spawn at this degree or above; 0: no rule
  bool normalize_observation = true;
  SpawnParameters fixed_spawn;        ///< executed in stage 1
  SpawnPolicyConfig spawn;
  int image_size = 84;                ///< side of the pictures, where the colony is seen as one
  DistanceRewardConfig distance;
  bool include_termination_rewards = false;
  TerminationRewards termination;
};

}  // namespace frost
