#pragma once

#include <utility>
#include <vector>

#include "engine/optim/adam.h"
#include "models/observation.h"
#include "models/policies/actor_critic_config.h"
#include "models/policies/graph_batch.h"

namespace frost {

/// Several states as device tensors; which of the inputs are defined depends on the network.
struct StateBatch {
  std::int64_t states = 0;
  GraphBatch graphs;
  Tensor images;                     ///< uint8 [states, frames, height, width, channels]
  std::vector<std::uint8_t> frames;  ///< the same on the host, where there is more than one
  Tensor vectors;                    ///< [states, features]
  Tensor features;     ///< [states, width] what the frozen prefix yields, if it was run before
  Tensor row_offsets;  ///< int32 [states + 1]: decision rows of each state
  Tensor action_mask;  ///< uint8 [rows * choices], or undefined: every choice is allowed
  std::int64_t padded_rows = 0;  ///< decision rows where there are more than the states' own
  /// For a row that all states share: int32 {0, states}, and zeros [states].
  Tensor shared_offsets, shared_rows;
};

/// What the policy and value functions say about a batch of states.
struct PolicyOutput {
  Tensor logits;    ///< [rows, choices], undefined without a discrete part
  Tensor gaussian;  ///< [rows, 2 * dims]: mean | log deviation of the raw sample, or undefined
  Tensor values;    ///< [states, components], in units of the normalised returns
};

/// An actor-critic as PPO sees it.
class PolicyNetwork : public Module {
 public:
  PolicyNetwork(Backend& backend, ActorCriticConfig config)
      : config_(std::move(config)), backend_(backend) {}

  Backend& backend() const { return backend_; }
  /// What it was made from, with the freeze mode as it is now.
  const ActorCriticConfig& config() const { return config_; }
  int value_components() const { return config_.value_components; }
  /// Padding changes only what has ragged rows. Throws Error for a kind of observation the network
  /// does not read.
  virtual StateBatch make_batch(const std::vector<const Observation*>& observations,
                                BatchPadding padding = BatchPadding::kNone) const = 0;
  virtual PolicyOutput forward(const StateBatch& batch) = 0;
  /// The critic alone: [states, components].
  virtual Tensor values(const StateBatch& batch) = 0;
  /// Random weights; those of pretrained bodies only `with_bodies`, else they must be loaded.
  virtual void initialize(RandomStream& random, bool with_bodies) = 0;
  /// The trainable tensors in groups with their base learning rates; groups may be empty.
  virtual std::vector<ParamGroup> param_groups() const = 0;

  /// What the frozen prefix yields for the batch, [states, width], bit for bit the same however
  /// the states are batched; undefined where nothing is worth keeping. While `prefix_id` stays the
  /// same it may stand for the observations: `forward` and `values` read it instead.
  virtual Tensor encode(const StateBatch&) { return {}; }
  /// Changes with every change of the prefix: of its depth, its weights, or what shares it.
  virtual std::uint64_t prefix_id() { return 0; }
  /// Parts of a row that `encode` yields, one per frame of the state, newest last. What the others
  /// are to a state, the last was to the states before it.
  virtual int frames() const { return 1; }

  /// Whether statistics of what the trainable layers read are wanted, and not yet there.
  virtual bool awaits_statistics() const { return false; }
  /// What they are made of, for the states of a batch: those of several batches are added, number
  /// by number.
  virtual std::vector<double> statistics_of(const StateBatch&) { return {}; }
  virtual void set_statistics(const std::vector<double>&) {}

 protected:
  ActorCriticConfig config_;

 private:
  Backend& backend_;
};

/// A batch of kept features with `rows` decision rows per state.
StateBatch make_feature_batch(const Tensor& features, std::int64_t rows = 1);
/// int32 [states + 1] with `rows` rows per state.
Tensor uniform_row_offsets(Backend& backend, std::int64_t states, std::int64_t rows);

}  // namespace frost
