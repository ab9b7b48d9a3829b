#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/optim/adam.h"
#include "models/policies/policy_network.h"
#include "rl/communicator/shards.h"
#include "rl/metrics.h"
#include "rl/ppo/gradient_step.h"
#include "rl/ppo/minibatch.h"
#include "rl/ppo/ppo_config.h"
#include "rl/ppo/rollout.h"
#include "rl/ppo/running_normalizer.h"
#include "rl/ppo/unfinished_update.h"
#include "rl/vector_environment.h"

namespace frost {

/// Proximal policy optimization (Schulman et al. 2017): docs/ppo.md.
///
/// Deterministic: equal seeds, devices and thread counts give equal bits, and a restored state goes
/// on as if never stopped.
class Ppo {
 public:
  /// All references must outlive this object. Of several processes each has an equal share of the
  /// environments, in the order of the ranks, and equal parameters; all make the same calls, and
  /// learn the same (docs/scaling.md). Throws Error where the network does not fit the
  /// environments, UsageError where `config.shards` does not fit environments, minibatches or
  /// processes.
  Ppo(PolicyNetwork& network, Adam& optimizer, VectorEnvironment& environments,
      const PpoConfig& config, std::uint64_t seed, Communicator& communicator = alone());

  /// Asked between two steps of work whether to stop there.
  using StopRequest = std::function<bool()>;

  /// Collects one rollout and learns from it, or goes on with an unfinished update. A network that
  /// awaits statistics gets them first, of a rollout that nothing is learned from.
  ///
  /// Throws NotFiniteError naming an output of the policy, a reward, a loss or a gradient. The
  /// update is unfinished then: as before the step or minibatch that met it, so that the next
  /// `update` meets it again. Only environments do not go back: their rewards, whatever they are,
  /// are in the rollout; and an `OpObserver` that throws at the optimizer's step leaves it done.
  /// Any other error, also of `stop`, drops the update; what the weights have learned from it
  /// stays.
  Metrics update();
  /// The same, but `stop` is asked after each step of collecting and after each minibatch but the
  /// last. Where it answers true there are no metrics yet: the update is unfinished, `save` holds
  /// all of it, and the next `update`, of this object or of one that loaded it, ends with the same
  /// bits as if it had never stopped.
  std::optional<Metrics> update(const StopRequest& stop);
  bool unfinished() const { return unfinished_ != nullptr; }

  /// Collects one rollout, without learning; `learn` consumes it. `update` is both.
  void collect(Rollout& rollout);
  Metrics learn(Rollout& rollout);

  std::int64_t updates() const { return updates_; }
  std::int64_t global_step() const { return global_step_; }
  /// Of the unfinished update, in all processes that worked at it, or of the last that was
  /// finished.
  const UpdateTiming& timing() const { return unfinished_ ? unfinished_->timing : timing_; }
  /// Of the actions that the last finished update learned from: of each decision, then of each raw
  /// sample, as the policy that collected them had it.
  const std::vector<float>& log_probabilities() const { return log_probabilities_; }
  const GradientStep& gradient_step() const { return gradient_step_; }
  /// Episodes finished while the last rollout was collected; of several shards by environment, and
  /// those of all processes once the update is finished.
  const std::vector<EpisodeRecord>& finished_episodes() const { return finished_; }

  /// The state of all processes on rank 0.
  void save(StateDict& state) const;
  /// Network, optimizer and environments are loaded before. Throws Error naming what is missing or
  /// damaged; nothing has changed then.
  void load(const StateDict& state);

 private:
  std::optional<Metrics> go_on(UnfinishedUpdate& update, const StopRequest& stop);
  /// Both return whether their half of the update is done, and add the seconds of its work.
  bool collect_until(Rollout& rollout, double& seconds, const StopRequest& stop);
  bool learn_until(const Rollout& rollout, Learning& learning, double& seconds,
                   const StopRequest& stop);
  void collect_step(Rollout& rollout);
  /// Takes from the rollout the statistics that the network awaits, and empties it: its actions
  /// were another policy's.
  void take_statistics(Rollout& rollout);
  PolicySteps act_in_shard(int shard);
  Learning begin_learning(Rollout& rollout);
  Metrics finish_update(const Learning& learning);

  LossTerms forward(const std::vector<Minibatch>& parts);
  void learn_minibatch(const Rollout& rollout, const ShardedStates& states, LearnStatistics& sums);
  PolicyLossWeights policy_loss_weights(const std::vector<Minibatch>& parts, const LossTerms& terms,
                                        GradientScaling& scaling);
  std::vector<double> lr_factors() const;

  /// Environments of all processes.
  int all_environments() const { return environments_.size() * shards_.communicator().size(); }
  struct Episodes {
    std::int64_t ended = 0, successes = 0;
  };
  /// Of the rollout at hand, in other processes.
  Episodes episodes_elsewhere() const;
  void count_episodes_elsewhere();

  std::unique_ptr<UnfinishedUpdate> empty_update() const;
  RolloutForm rollout_form() const;

  PolicyNetwork& network_;
  Adam& optimizer_;
  VectorEnvironment& environments_;
  PpoConfig config_;
  Shards shards_;
  EnvironmentSpec spec_;
  std::vector<RandomStream> sampling_;  ///< one per own environment
  RandomStream shuffle_;
  LearningRates rates_;
  GradientScaling gradient_scaling_;
  GradientStep gradient_step_;
  RunningNormalizer return_normalizer_;
  std::int64_t updates_ = 0;
  std::int64_t global_step_ = 0;
  std::int64_t episodes_ = 0;  ///< while collecting without those of others in this rollout
  std::int64_t successes_ = 0;
  UpdateTiming timing_;
  std::vector<EpisodeRecord> finished_;
  std::vector<float> log_probabilities_;
  std::unique_ptr<UnfinishedUpdate> unfinished_;
};

}  // namespace frost
