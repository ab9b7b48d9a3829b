#pragma once

#include <memory>
#include <vector>

#include "engine/device_graph.h"
#include "engine/optim/adam.h"
#include "kernels/lru_cache.h"
#include "rl/communicator/shards.h"
#include "rl/ppo/minibatch.h"

namespace frost {

/// One tensor per part of PPO's loss, undefined where there is none.
struct LossParts {
  Tensor discrete, continuous;  ///< [4] as `ppo_surrogate` gives it
  Tensor value;                 ///< [1 + components] as `value_loss` gives it
};

/// The surrogates of the policy, without the value.
LossParts policy_losses(const Minibatch& batch, const PolicyOutput& out);

/// Derivatives of the total loss by `LossParts`; those of undefined parts are not read.
struct LossWeights {
  std::vector<float> discrete, continuous, value;
};

/// The device work of learning from one minibatch, in two halves: its losses; then gradients,
/// clipping and Adam. Between them the caller looks at the losses.
///
/// With `record`, shapes that come a second time are recorded, and replayed from then on, with the
/// same results bit for bit; while ops are observed, minibatches run eagerly. Before it is recorded
/// the work runs once without a step, so that its kernels are planned, whatever earlier minibatches
/// left of that. The parts that a minibatch has in several shards always run eagerly.
class GradientStep {
 public:
  GradientStep(PolicyNetwork& network, Adam& optimizer, double max_grad_norm, bool record,
               const Shards& shards = Shards());
  GradientStep(const GradientStep&) = delete;
  GradientStep& operator=(const GradientStep&) = delete;

  /// The losses of the minibatch, valid until the next call of anything here.
  const LossParts& forward(const Minibatch& minibatch);
  /// The same of a minibatch in parts of equal numbers of states, one for each own shard; its
  /// losses are the means over those of all shards.
  std::vector<LossParts> forward(const std::vector<Minibatch>& parts);
  /// Follows the gradient of the losses so weighted; returns the norms of the groups as Adam does.
  /// Throws Error unless a `forward` came before, one for each call.
  std::vector<double> descend(const LossWeights& weights, const std::vector<double>& lr_factors);
  /// L2 norm of the gradient of one part's mean loss alone, by a pass of its own.
  double norm_of(const std::vector<Minibatch>& parts, Tensor LossParts::*part);
  /// Forgets the minibatch without a step.
  void abandon();

  /// Recordings made so far, and minibatches that were replayed.
  std::size_t recordings() const { return recordings_; }
  std::size_t replays() const { return replays_; }

 private:
  /// A minibatch and what its two halves yield; of a recording, the tensors they always use.
  struct Pass {
    Minibatch inputs;
    LossParts losses, weights;
    Adam::Moved moved;
    std::unique_ptr<DeviceGraph> forward, descend;
  };
  struct HashShapes {
    std::size_t operator()(const Shape& key) const;
  };
  /// Bound what shapes that never come back may keep.
  static constexpr std::size_t kMostRecordings = 64, kMostSeen = 4096;

  std::vector<double> descend_parts(const LossWeights& weights);
  Pass make_pass(const Minibatch& minibatch) const;
  static void set_weights(Pass& pass, const LossWeights& weights);
  static std::vector<std::pair<Tensor, Tensor>> roots_of(const Pass& pass);
  void run_forward(Pass& pass) const;
  void run_backward(Pass& pass) const;
  void run_descend(Pass& pass) const;
  /// The recording for these shapes, filled with the minibatch; null at their first sight.
  Pass* find_recording(const Minibatch& minibatch);
  std::unique_ptr<Pass> record(const Minibatch& minibatch);
  void forget_stale_recordings();

  PolicyNetwork& network_;
  Adam& optimizer_;
  double max_grad_norm_;
  bool record_;
  Shards shards_;
  Pass eager_;
  Pass* current_ = nullptr;
  std::vector<Pass> parts_;  ///< of a minibatch in several shards
  template <class Value>
  using ByShapes = LruCache<Shape, Value, HashShapes>;
  ByShapes<int> seen_{kMostSeen};  ///< how often
  ByShapes<std::unique_ptr<Pass>> recorded_{kMostRecordings};
  std::uint64_t groups_version_ = 0;
  std::size_t recordings_ = 0, replays_ = 0;
};

}  // namespace frost
