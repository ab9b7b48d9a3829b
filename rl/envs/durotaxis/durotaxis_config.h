#pragma once

#include <array>
#include <vector>

#include "rl/action_space.h"
#include "rl/envs/durotaxis/rewards/reward_config.h"
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

/// How spawn parameters are chosen (docs/durotaxis.md, "Spawn parameters").
struct SpawnPolicyConfig {
  int stage = 1;  ///< 1: the environment's fixed parameters; 2: the network's
  /// gamma, alpha, noise, theta
  std::array<Range, 4> bounds{{{0.5, 15.0}, {0.5, 4.0}, {0.05, 0.5}, {-0.7854, 0.7854}}};

  bool continuous() const { return stage == 2; }
  /// The four as dimensions of an action; gamma, alpha and noise by sigmoid, theta by tanh.
  std::vector<ContinuousDimension> dimensions() const;
};

/// What becomes of the children of a deleted root (docs/durotaxis.md, "Delete").
enum class RootDelete { kSplit, kPromoteLeftmostChild };

/// A second start for a colony that lost its last cell (docs/durotaxis.md, "Recovery").
struct RecoveryConfig {
  bool enabled = false;
  int spawn_nodes = 5;
  int max_attempts = 2;  ///< per episode
  double penalty = -50;
  double position_noise = 5;
};

/// Whether cells show their marks; `kAuto`: where deletions are rewarded.
enum class ObserveMarks { kAuto, kOff, kOn };

/// Everything the durotaxis environment depends on besides its seed.
struct DurotaxisConfig {
  SubstrateConfig substrate;
  int init_num_nodes = 5;
  int max_critical_nodes = 75;         ///< N_c: above it marking starts
  int threshold_critical_nodes = 500;  ///< N_t: above it the episode ends
  int max_steps = 1000;
  int consecutive_left_moves_limit = 30;
  int delta_time = 3;        ///< length of the snapshot history
  int min_nodes = 0;         ///< survivors a step must leave; 0: no rule
  int max_spawn_degree = 0;  ///< no spawn at this degree or above; 0: no rule
  bool normalize_observation = true;
  SpawnParameters fixed_spawn;  ///< executed in stage 1
  SpawnPolicyConfig spawn;
  int image_size = 84;  ///< side of the pictures, where the colony is seen as one
  RootDelete root_delete = RootDelete::kSplit;
  bool spawn_acceptance = false;     ///< refuse spawns that gain less than reward.delta_intensity
  bool random_spawn_length = false;  ///< the added length times a standard normal
  RecoveryConfig recovery;
  ObserveMarks observe_marks = ObserveMarks::kAuto;
  RewardConfig reward;
  /// total, graph, spawn, delete, edge, node (`EnvironmentSpec::reward_weights`)
  std::array<double, 6> reward_weights{1.0, 0.4, 0.3, 0.2, 0.2, 0.3};

  bool marks_observed() const {
    if (observe_marks != ObserveMarks::kAuto) return observe_marks == ObserveMarks::kOn;
    return reward.mode() != RewardMode::kDistance;
  }
};

}  // namespace frost
