#pragma once

#include <vector>

#include "kernels/memory_ledger.h"
#include "rl/policy.h"
#include "rl/ppo/ppo_config.h"
#include "rl/ppo/running_normalizer.h"
#include "rl/vector_environment.h"

namespace frost {

/// One collected step, and what the update learns from it.
struct Transition {
  Observation observation;        ///< empty where its features are kept instead
  std::int64_t feature_row = -1;  ///< of `Rollout::features`; -1: the observation is kept
  PolicyStep policy;
  VectorStep outcome;
  std::vector<double> returns;  ///< of each component, in reward units
  double advantage = 0;         ///< combined, and standardised where that is over the batch
};

/// The transitions of one update, environment by environment in time order; its bytes are booked
/// under MemoryTag::kRollout, kept features under MemoryTag::kFeatureCache.
class Rollout {
 public:
  Rollout(MemoryLedger& ledger, int environments, int steps)
      : ledger_(ledger), steps_(steps), by_environment_(static_cast<std::size_t>(environments)) {}
  ~Rollout() { ledger_.remove(MemoryTag::kRollout, bytes_); }
  Rollout(const Rollout&) = delete;
  Rollout& operator=(const Rollout&) = delete;

  /// Adds the next transition of every environment. `features` [environments, width], if defined,
  /// are kept in place of the observations, for as long as the network's prefix is `prefix_id`.
  void add(std::vector<Transition> transitions, const Tensor& features, std::uint64_t prefix_id);
  std::size_t size() const;
  std::vector<std::vector<Transition>>& by_environment() { return by_environment_; }
  /// All transitions in a fixed order.
  std::vector<Transition*> flat();

  const Tensor& features() const { return features_; }
  /// Throws Error where features were kept and the prefix has changed since.
  void require_prefix(std::uint64_t prefix_id) const;

 private:
  MemoryLedger& ledger_;
  int steps_;
  std::vector<std::vector<Transition>> by_environment_;
  Tensor features_;  ///< [environments * steps, width]
  std::uint64_t prefix_id_ = 0;
  std::size_t bytes_ = 0;
};

/// Fills `returns` and `advantage` of every transition
/// (docs/ppo.md).
///
/// Values of truncated and of cut-off states come from the network; per-component advantages are
/// combined by `config.advantage` where the critic has several and, unless that is left to the
/// minibatches, standardised over the whole batch. `normalizer` holds the return statistics the
/// values are expressed in; it is not updated here. `weights` are the environment's, by component.
void estimate_advantages(Rollout& rollout, PolicyNetwork& network,
                         const std::vector<const Observation*>& next_observations,
                         const RunningNormalizer& normalizer, const std::vector<double>& weights,
                         const PpoConfig& config);

/// Sum over components but the total of w_c A^c / std(A^c), components that do not vary dropped and
/// the weights of the others renormalised; rows [component][sample].
std::vector<double> combine_advantages(const std::vector<std::vector<double>>& advantages,
                                       const std::vector<double>& weights);

}  // namespace frost
