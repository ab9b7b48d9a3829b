#pragma once

#include <vector>

#include "engine/policy_ops.h"
#include "rl/ppo/rollout.h"

namespace frost {

/// The device tensors of one minibatch of states.
struct Minibatch {
  StateBatch states;
  Tensor decisions;  ///< int32 [rows]; undefined without a discrete part
  SurrogateInputs discrete;
  /// The continuous part, undefined where no row is active: raw samples [active, dims], the active
  /// rows (undefined: all rows are) and their surrogate.
  Tensor raw, active_offsets, active_rows;
  SurrogateInputs continuous;
  ValueLossInputs value;

  /// All tensors, undefined ones and aliases included, always in the same order.
  std::vector<Tensor*> tensors();
};

/// The states of some transitions, by their kept features where there are some.
StateBatch batch_states(PolicyNetwork& network, const Rollout& rollout,
                        const std::vector<const Transition*>& transitions, std::int64_t rows,
                        BatchPadding padding = BatchPadding::kNone);

/// Padded where `config.record_minibatches` or the device prefers it; `spec` is the environment's.
Minibatch make_minibatch(PolicyNetwork& network, const Rollout& rollout,
                         const std::vector<const Transition*>& transitions,
                         const RunningNormalizer& normalizer, const PpoConfig& config,
                         const EnvironmentSpec& spec);

/// Means over finished episodes; NaN where none finished.
struct EpisodeSummary {
  double mean_return = 0, mean_length = 0, success_rate = 0, mean_progress = 0;
};
EpisodeSummary summarise_episodes(const std::vector<EpisodeRecord>& episodes);

struct RolloutSummary {
  double state_size = 0;  ///< mean of `StepResult::size`
  RewardVector mean_reward;
  double explained_variance = 0;  ///< of the total return: 1 - Var(R - V) / Var(R)
};
RolloutSummary summarise_rollout(Rollout& rollout, const RunningNormalizer& normalizer);

}  // namespace frost
