#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/policies/policy_network.h"
#include "rl/vector_environment.h"

namespace frost {

/// Decides for several environments at once; `streams[i]` is the episode's own random stream.
using BatchPolicy =
    std::function<std::vector<Action>(const std::vector<const Environment*>& environments,
                                      const std::vector<RandomStream*>& streams)>;

/// The network's policy, sampled or argmax. The network must outlive it.
BatchPolicy network_policy(PolicyNetwork& network, bool deterministic);
/// One of the rules that the environments themselves know (`EnvironmentSpec::scripted_policies`).
BatchPolicy scripted_policy(const std::string& name);

struct EvaluationResult {
  std::vector<EpisodeRecord> episodes;
  std::vector<RewardVector> rewards;  ///< of each episode, summed over its steps

  double success_rate() const;
  double mean_progress() const;
  double mean_return() const;
  double mean_steps() const;
  /// Median length of the successful episodes; NaN where there is none.
  double median_success_steps() const;
  /// The return of each component, and as `total` that of the episode; means over the episodes.
  RewardVector mean_rewards() const;
};

/// Sees every step of an evaluation. Episodes run side by side: their calls interleave, those of
/// one episode come in its order.
class EvaluationObserver {
 public:
  virtual ~EvaluationObserver() = default;
  /// The state that `action` was chosen in.
  virtual void before_step(int episode, const Environment& environment, const Action& action) = 0;
  /// The state that it led to.
  virtual void after_step(int episode, const Environment& environment,
                          const StepResult& result) = 0;
};

/// Runs `count` episodes. Episode k starts from a layout and draws from a stream that depend on
/// (seed, k) alone, so policies meet the same layouts and the result does not depend on batching.
/// At most 64 environments exist at a time.
EvaluationResult evaluate_policy(const EnvironmentFactory& make, const BatchPolicy& policy,
                                 int count, std::uint64_t seed,
                                 const std::vector<EvaluationObserver*>& observers = {});

}  // namespace frost
