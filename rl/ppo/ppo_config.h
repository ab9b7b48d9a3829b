#pragma once

#include <cstdint>
#include <vector>

#include "engine/optim/lr_schedule.h"
#include "kernels/families/policy.h"
#include "rl/ppo/gradient_scaling.h"

namespace frost {

enum class AdvantageKind { kComponents, kTotal };
enum class AdvantageNormalization { kBatch, kMinibatch };

/// PPO (Schulman et al. 2017) ; docs/ppo.md.
struct PpoConfig {
  int total_updates = 500;
  std::int64_t total_steps = 0;  ///< a configuration's other way to say `total_updates`; 0: unused
  int num_envs = 8;
  int rollout_steps = 2048;  ///< transitions per update, over all environments
  int update_epochs = 4;
  int minibatch_size = 64;  ///< states
  /// Equal parts of environments and minibatches that are computed each for itself, in however many
  /// processes, and summed over a tree; a power of two.
  int shards = 1;
  double gamma = 0.99;
  double gae_lambda = 0.95;
  double clip_epsilon = 0.1;
  SurrogateRatio ratio = SurrogateRatio::kPerNode;
  AdvantageKind advantage = AdvantageKind::kComponents;
  AdvantageNormalization advantage_normalization = AdvantageNormalization::kBatch;
  double discrete_weight = 0.7;    ///< of the decisions in the policy loss
  double continuous_weight = 0.3;  ///< of the continuous part
  double value_loss_coeff = 0.5;
  bool normalize_returns = true;  ///< values are learned in units of the returns' spread
  ValueLossKind value_loss = ValueLossKind::kClipped;
  double value_clip_epsilon = 0.2, value_huber_delta = 1.0;  ///< in units of the values
  double max_grad_norm = 0.5;
  bool enable_kl_early_stop = true;
  double target_kl = 0.03;
  double entropy_coeff_start = 0.25;
  double entropy_coeff_end = 0.05;
  int entropy_decay_episodes = 300;
  double discrete_entropy_weight = 1.5;
  double continuous_entropy_weight = 1.0;
  /// Entropies below which a penalty pulls up; 0: no floor.
  double min_entropy_threshold = 0.1, min_continuous_entropy = 0.05;
  double adam_epsilon = 1e-8;
  double weight_decay = 0;  ///< of AdamW, for every parameter
  /// Every schedule's `total_updates` is the one above. Without the warm-up the first full-size
  /// steps move the policy past `target_kl` and end every update after one minibatch.
  LrSchedule lr_schedule{LrSchedule::Kind::kCosine, 20, 500, 0.1};
  std::vector<GroupLrSchedule> group_schedules;  ///< of groups with their own
  KlAdaptation kl_adaptation;                    ///< of schedules that follow the divergence
  bool scale_policy_losses = false;              ///< where both parts exist
  GradientScalingConfig gradient_scaling;
  /// Minibatches of equal shapes replay recorded work (engine/device_graph.h); ragged ones are
  /// padded so that few shapes occur.
  bool record_minibatches = false;
};

}  // namespace frost
