#pragma once

#include <deque>
#include <optional>

#include "engine/layers/layers.h"
#include "models/policies/actor_critic_config.h"
#include "models/policies/policy_network.h"

namespace frost {

/// Linear -> tanh, once per hidden width: [n, in] -> [n, out()].
class TanhLayers : public Module {
 public:
  TanhLayers(Backend& backend, std::int64_t in, const std::vector<int>& hidden);
  Tensor operator()(Tensor x) const;
  std::int64_t out() const { return out_; }
  /// Orthogonal weights of gain sqrt(2).
  void initialize(RandomStream& random);

 private:
  std::deque<Linear> layers_;
  std::int64_t out_;
};

/// The network of vector observations: an actor and a critic that share nothing, each some tanh
/// layers and a linear head, with one deviation per continuous dimension that no state changes.
///
/// It starts as Andrychowicz et al. 2021 advise: orthogonal weights, those of the policy's head
/// small, so that the first policy hardly depends on the state.
class MlpActorCritic : public PolicyNetwork {
 public:
  MlpActorCritic(Backend& backend, const ActorCriticConfig& config);

  /// Throws Error for anything but vectors of `config.vector_size` values.
  StateBatch make_batch(const std::vector<const Observation*>& observations,
                        BatchPadding padding = BatchPadding::kNone) const override;
  PolicyOutput forward(const StateBatch& batch) override;
  Tensor values(const StateBatch& batch) override;
  void initialize(RandomStream& random, bool with_bodies) override;
  /// `heads` with the rate of all heads.
  std::vector<ParamGroup> param_groups() const override;

 private:
  /// [states, per_row * rows] as [states * rows, per_row].
  Tensor by_row(const Tensor& t, std::int64_t per_row) const;

  TanhLayers actor_, critic_;
  std::optional<Linear> logits_, mean_;
  Tensor log_std_;  ///< [1, rows * dims]
  Linear value_;
};

}  // namespace frost
