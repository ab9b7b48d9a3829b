#pragma once

namespace frost {

// Every value is documented in docs/durotaxis.md, "Reward".

/// The reward of distance mode.
struct DistanceRewardConfig {
  bool use_delta_distance = true;
  bool potential_based = false;  ///< exact shaping: discount * Phi(s') - Phi(s)
  double distance_reward_scale = 5.0;
  double terminal_reward_scale = 0.02;
  bool clip_terminal_rewards = true;
  double terminal_reward_clip_value = 10.0;
  double discount = 0.99;  ///< of the learner; the configuration copies algorithm.gamma here
};

/// Lowers the terminal scale of distance mode once episodes go well.
struct TerminalScaleConfig {
  bool enabled = false;
  int window_size = 5;
  double progress_threshold = 0.6;
  int consecutive_windows = 3;
  double decay_rate = 0.9, min_scale = 0.005;
};

struct TerminationRewards {
  double success_reward = 500, out_of_bounds_penalty = -100, no_nodes_penalty = -100;
  double leftward_drift_penalty = -50, timeout_penalty = 0, critical_nodes_penalty = -15;
};

struct GraphRewards {
  double connectivity_penalty = 5, growth_penalty = 3, survival_reward = 0.1;
  double action_reward = 0.01, centroid_movement_reward = 5;
};

struct SpawnRewards {
  double success_reward = 2.5, failure_penalty = 1;
  double near_boundary_penalty = 3, in_danger_zone_penalty = 8;
  bool boundary_check = true;
};

/// The reward for deleting; the numbers belong to mode `marks`.
struct DeleteRewards {
  enum class Mode { kMarks, kStateMachine };

  Mode mode = Mode::kMarks;
  double proper_deletion = 2, persistence_penalty = 2, improper_deletion_penalty = 2;
};

struct EfficiencyRewards {
  double age_reward = 0.05, stagnation_reward = 0.1;  ///< per step above the thresholds
  int age_threshold = 50, stagnation_threshold = 20;
};

struct EdgeRewards {
  double rightward_bonus = 0.5, leftward_penalty = 0.05;
};

struct NodeRewards {
  enum class Aggregation { kMean, kSum };

  double movement_reward = 3, leftward_penalty = 3;
  double intensity_penalty = 0.3, intensity_bonus = 1.5, substrate_reward = 0.3;
  Aggregation aggregation = Aggregation::kMean;
};

/// Zones are fractions of the height; all but `edge_zone_threshold` are also used for spawns.
struct PositionRewards {
  double boundary_bonus = 0.1, left_edge_penalty = 0.2;
  double edge_position_penalty = 0.5, danger_zone_penalty = 2, critical_zone_penalty = 5;
  double edge_zone_threshold = 0.15, danger_zone_threshold = 0.08, critical_zone_threshold = 0.03;
  double safe_center_bonus = 0.05, safe_center_range = 0.30;
};

struct MilestoneRewards {
  bool enabled = true;
  double distance_25_percent = 50, distance_50_percent = 150;
  double distance_75_percent = 300, distance_90_percent = 500;
};

struct SurvivalRewards {
  bool enabled = true;
  double base_reward = 0.01, bonus_reward = 0.02, max_step_factor = 0.8;
  int bonus_threshold = 100;
};

enum class RewardMode { kDistance, kDeleteOnly, kNormal };

/// What a step earns.
struct RewardConfig {
  bool simple_delete_only = false;
  bool centroid_distance_only = true;
  DistanceRewardConfig distance;
  TerminalScaleConfig terminal_scale;
  bool include_termination_rewards = false;  ///< in the two special modes; normal mode always does
  TerminationRewards termination;
  double delta_intensity = 2.5;  ///< gain of a successful spawn, in local slopes of the field
  GraphRewards graph;
  SpawnRewards spawn;
  DeleteRewards deletion;
  EfficiencyRewards efficiency;
  EdgeRewards edge;
  NodeRewards node;
  PositionRewards position;
  MilestoneRewards milestone;
  SurvivalRewards survival;

  /// `simple_delete_only` wins where both are set, which the configuration refuses.
  RewardMode mode() const {
    if (simple_delete_only) return RewardMode::kDeleteOnly;
    return centroid_distance_only ? RewardMode::kDistance : RewardMode::kNormal;
  }
};

}  // namespace frost
