#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "rl/communicator/communicator.h"
#include "rl/ppo/gradient_scaling.h"
#include "rl/ppo/loss_terms.h"
#include "rl/ppo/minibatch.h"
#include "rl/ppo/rollout_state.h"

namespace frost {

/// Sums over the minibatches of one update that moved the weights.
struct LearnStatistics {
  int minibatches = 0;
  bool stopped_early = false;  ///< by the divergence of one more minibatch
  double policy_loss = 0, continuous_loss = 0, value_loss = 0, loss = 0;
  double entropy = 0, continuous_entropy = 0, clipfrac = 0;
  double approx_kl = 0, last_kl = 0;  ///< with that of the minibatch that stopped
  double grad_norm = 0;
  PolicyLossWeights weights{0, 0};
  std::vector<double> group_norms;

  /// Every number but the counts, in a fixed order.
  std::vector<double*> numbers();
  /// Takes in a minibatch that moved the weights. `value_weight` is that of the value loss, `norms`
  /// are of the gradients of the groups.
  void add(const LossTerms& terms, const PolicyLossWeights& used, double value_weight,
           const std::vector<double>& norms);
  /// Takes note of the minibatch whose divergence ended the update.
  void stop_at(double kl);
  /// NaN where no minibatch moved the weights.
  double mean(double sum) const { return sum / minibatches; }
  /// Of all minibatches whose divergence was seen, one that stopped the update among them.
  double mean_kl() const { return approx_kl / (minibatches + (stopped_early ? 1 : 0)); }
};

/// How far an update has learned from its rollout.
struct Learning {
  RolloutSummary collected;
  std::vector<std::size_t> order;  ///< of the samples in this epoch
  std::size_t next = 0;  ///< place in `order` of the next minibatch; at the end an epoch begins
  int epochs = 0;        ///< begun
  LearnStatistics sums;

  /// Samples in their own order, and no epoch begun.
  void set_samples(std::size_t samples);
  /// Shuffles the samples anew; in several shards each for itself, and every minibatch of
  /// `minibatch_size` samples has as many of each, shard by shard.
  void begin_epoch(RandomStream& shuffle, int shards, int minibatch_size);
  bool done(int update_epochs) const {
    return sums.stopped_early || (epochs >= update_epochs && next == order.size());
  }
};

/// Wall-clock seconds of the two halves of an update. A step or minibatch that throws counts for
/// nothing.
struct UpdateTiming {
  double collect_seconds = 0;
  double learn_seconds = 0;
};

/// Does a piece of work and adds the seconds it took, unless it throws.
template <class Work>
void timed(double& seconds, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// An update between its beginning and its end: a rollout, full or not, and learning from it.
struct UnfinishedUpdate {
  UnfinishedUpdate(int environments, int steps, int frames)
      : rollout(environments, steps, frames) {}

  Rollout rollout;
  std::optional<Learning> learning;  ///< absent while collecting
  UpdateTiming timing;
};

/// `ppo.rollout.*`, `ppo.finished`, `ppo.seconds` and, where it has begun, `ppo.learning.*`;
/// rollout and episodes are those of all processes.
void save_unfinished(const UnfinishedUpdate& update, const std::vector<EpisodeRecord>& finished,
                     Communicator& communicator, StateDict& state);

/// Whether the state was saved within an update.
bool holds_unfinished(const StateDict& state);
/// Fills an update that has not begun. `form.with_returns` is found out here; `groups` are the
/// optimizer's, `finished` are of all processes. Throws Error naming what is missing or damaged.
void load_unfinished(const StateDict& state, RolloutForm form, Backend& backend, std::size_t groups,
                     UnfinishedUpdate& update, std::vector<EpisodeRecord>& finished);

}  // namespace frost
