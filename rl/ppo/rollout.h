#pragma once

#include <vector>

#include "rl/policy.h"
#include "rl/ppo/ppo_config.h"
#include "rl/ppo/running_normalizer.h"
#include "rl/ppo/transition.h"

namespace frost {

/// What an update learns from, by transition in the order of `Rollout::flat`.
struct Estimates {
  std::vector<std::vector<double>> returns;  ///< of each component
  std::vector<double> advantages;
};

/// The transitions of one update, environment by environment in time order; its bytes are booked
/// under MemoryTag::kRollout of the host, kept features under MemoryTag::kFeatureCache of the
/// device.
class Rollout {
 public:
  /// Room for `steps` transitions of each environment, whose states have `frames` frames.
  Rollout(int environments, int steps, int frames = 1);
  ~Rollout();
  Rollout(const Rollout&) = delete;
  Rollout& operator=(const Rollout&) = delete;

  /// Adds the next transition of every environment from `first` on, of which there are as many as
  /// `transitions`. `features` [environments, frames * width], if
  /// defined, are kept in place of the observations, for as long as the network's prefix is
  /// `prefix_id`; of several frames each is kept once.
  void add(std::vector<Transition> transitions, const Tensor& features, std::uint64_t prefix_id,
           std::size_t first = 0);
  /// Of each decision, then of each raw sample of all transitions, as the policy that collected
  /// them had it.
  std::vector<float> log_probabilities() const;
  /// Forgets all of it.
  void clear();
  std::size_t size() const;
  /// Transitions that each environment has, and has when the rollout is full.
  int steps() const { return static_cast<int>(by_environment_.front().size()); }
  int capacity() const { return capacity_; }
  bool full() const { return steps() == capacity_; }
  std::vector<std::vector<Transition>>& by_environment() { return by_environment_; }
  const std::vector<std::vector<Transition>>& by_environment() const { return by_environment_; }
  /// All transitions in a fixed order.
  std::vector<Transition*> flat();
  std::vector<const Transition*> flat() const;
  /// Fills `returns` and `advantage` of every transition.
  void set_estimates(Estimates estimates);

  const Tensor& features() const { return features_; }
  /// The features of some transitions, [transitions, frames * width].
  Tensor features_of(const std::vector<const Transition*>& transitions) const;
  /// Throws Error where features were kept and the prefix has changed since.
  void require_prefix(std::uint64_t prefix_id) const;

 private:
  void keep_features(const Tensor& features, std::int64_t step, std::int64_t first);
  /// Rows of `features_` that an environment has: the first state's earlier frames, then one per
  /// transition.
  std::int64_t rows_per_environment() const { return frames_ - 1 + capacity_; }

  int capacity_, frames_;
  std::vector<std::vector<Transition>> by_environment_;
  Tensor features_;  ///< [environments * rows_per_environment(), width]
  std::uint64_t prefix_id_ = 0;
  std::size_t bytes_ = 0;
};

/// Throws NotFiniteError naming a reward of the newest transitions.
void require_finite_rewards(const Rollout& rollout, const EnvironmentSpec& spec);

/// Estimates the `returns` and the `advantage` of every transition (docs/ppo.md).
///
/// Values of truncated and of cut-off states come from the network; per-component advantages are
/// combined by `config.advantage` where the critic has several and, unless that is left to the
/// minibatches, standardised over the whole batch, which is that of all shards. `normalizer` holds
/// the return statistics the values are expressed in; it is not updated here. `weights` are the
/// environment's, by component. Throws NotFiniteError naming a value, a return or the spread of a
/// component's advantages.
Estimates estimate_advantages(const Rollout& rollout, PolicyNetwork& network,
                              const std::vector<const Observation*>& next_observations,
                              const RunningNormalizer& normalizer,
                              const std::vector<double>& weights, const PpoConfig& config,
                              const Shards& shards = Shards());

/// Sum over components but the total of w_c A^c / std(A^c), components that do not vary dropped and
/// the weights of the others renormalised; rows [component][sample]. Throws NotFiniteError where a
/// std overflows: the component would drop out.
std::vector<double> combine_advantages(const std::vector<std::vector<double>>& advantages,
                                       const std::vector<double>& weights,
                                       const Shards& shards = Shards());

}  // namespace frost
