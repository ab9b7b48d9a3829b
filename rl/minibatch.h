#pragma once

#include <vector>

#include "models/graph_batch.h"
#include "rl/rollout.h"

namespace frost {

/// The device tensors of one minibatch of states.
struct Minibatch {
  GraphBatch graphs;
  Tensor decisions;  ///< int32 [cells]
  SurrogateInputs surrogate;
  /// Stage 2 only, and only where a cell spawns: which cells spawn, their raw samples [spawning,
  /// 4], and their surrogate.
  Tensor spawn_offsets, spawn_cells, raw_spawn;
  SurrogateInputs spawn_surrogate;
  ValueLossInputs value;
};

Minibatch make_minibatch(Backend& backend, const std::vector<const Transition*>& transitions,
                         const RunningNormalizer& normalizer, const PpoConfig& config,
                         EncoderConfig::TokenConnectivity connectivity);

/// The entropy part of the loss and its derivative by the mean entropy H: -weight * H, plus
/// penalty (floor - H) where H is below the floor.
struct EntropyTerm {
  double loss, derivative;
};
EntropyTerm entropy_term(double entropy, double weight, double floor, double penalty);

inline constexpr std::array<const char*, kRewardComponents> kRewardComponentNames = {
    "total", "graph", "spawn", "delete", "edge", "node"};

/// Means over finished episodes; zeros where none finished.
struct EpisodeSummary {
  double mean_return = 0, mean_length = 0, success_rate = 0, mean_progress = 0;
};
EpisodeSummary summarise_episodes(const std::vector<EpisodeRecord>& episodes);

struct RolloutSummary {
  double cells_per_state = 0;
  std::array<double, kRewardComponents> mean_reward{};
  double explained_variance = 0;  ///< of the total return: 1 - Var(R - V) / Var(R)
};
RolloutSummary summarise_rollout(Rollout& rollout, const RunningNormalizer& normalizer);

}  // namespace frost
