#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/policy_ops.h"
#include "rl/ppo/gae.h"
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

/// What the statistics that the network awaits are made of, over all states of all processes.
std::vector<double> sum_statistics(PolicyNetwork& network, const Rollout& rollout,
                                   int minibatch_size, std::int64_t rows, const Shards& shards);

/// Padded where `config.record_minibatches` or the device prefers it; `spec` is the environment's.
/// Where advantages are standardised over minibatches, `spread` is that of the whole one where
/// these are a part of it.
Minibatch make_minibatch(PolicyNetwork& network, const Rollout& rollout,
                         const std::vector<const Transition*>& transitions,
                         const RunningNormalizer& normalizer, const PpoConfig& config,
                         const EnvironmentSpec& spec,
                         const std::optional<Spread>& spread = std::nullopt);

/// Transitions of one minibatch, by own shard.
using ShardedStates = std::vector<std::vector<const Transition*>>;

/// The own ones of some samples, which are numbered over all processes and come shard by shard, as
/// many of each; `all` are this process's transitions.
ShardedStates own_states(const std::vector<const Transition*>& all,
                         std::span<const std::size_t> samples, const Shards& shards);

/// The parts of one minibatch, one for each own shard.
std::vector<Minibatch> make_minibatches(PolicyNetwork& network, const Rollout& rollout,
                                        const ShardedStates& states,
                                        const RunningNormalizer& normalizer,
                                        const PpoConfig& config, const EnvironmentSpec& spec,
                                        const Shards& shards);

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
/// Of all shards.
RolloutSummary summarise_rollout(Rollout& rollout, const RunningNormalizer& normalizer,
                                 const Shards& shards = Shards());

}  // namespace frost
