#include "models/policies/mlp_actor_critic.h"

#include <cmath>

#include "kernels/errors.h"

namespace frost {

TanhLayers::TanhLayers(Backend& backend, std::int64_t in, const std::vector<int>& hidden)
    : out_(in) {
  for (const int width : hidden) {
    layers_.emplace_back(backend, out_, width);
    register_module(std::to_string(layers_.size() - 1), layers_.back());
    out_ = width;
  }
}

Tensor TanhLayers::operator()(Tensor x) const {
  for (const Linear& layer : layers_) x = tanh(layer(x));
  return x;
}

void TanhLayers::initialize(RandomStream& random) {
  for (Linear& layer : layers_) initialize_orthogonal(layer, std::sqrt(2.0), random);
}

MlpActorCritic::MlpActorCritic(Backend& backend, const ActorCriticConfig& config)
    : PolicyNetwork(backend, config),
      actor_(backend, config.vector_size, config.mlp_hidden),
      critic_(backend, config.vector_size, config.mlp_hidden),
      value_(backend, critic_.out(), config.value_components) {
  register_module("actor.hidden", actor_);
  if (config.choices > 0) {
    logits_.emplace(backend, actor_.out(), config.rows * config.choices);
    register_module("actor.logits", *logits_);
  }
  if (config.continuous_dims > 0) {
    const std::int64_t width = config.rows * config.continuous_dims;
    mean_.emplace(backend, actor_.out(), width);
    register_module("actor.mean", *mean_);
    log_std_ = make_parameter(backend, {1, width});
    register_parameter("actor.log_std", log_std_);
  }
  register_module("critic.hidden", critic_);
  register_module("critic.value", value_);
}

StateBatch MlpActorCritic::make_batch(const std::vector<const Observation*>& observations,
                                      BatchPadding) const {
  const auto size = static_cast<std::size_t>(config_.vector_size);
  std::vector<float> rows;
  rows.reserve(observations.size() * size);
  for (const Observation* o : observations) {
    const auto* vector = std::get_if<VectorObservation>(o);
    if (vector == nullptr) fail("vector_batch", "the observation is not a vector");
    if (vector->values.size() != size) {
      fail("vector_batch", "an observation of " + std::to_string(vector->values.size()) +
                               " values for a network of " + std::to_string(size));
    }
    rows.insert(rows.end(), vector->values.begin(), vector->values.end());
  }
  StateBatch batch;
  batch.states = static_cast<std::int64_t>(observations.size());
  batch.vectors = Tensor::from_host(backend(), {batch.states, config_.vector_size}, rows);
  batch.row_offsets = uniform_row_offsets(backend(), batch.states, config_.rows);
  if (!mean_) return batch;
  const std::vector<std::int32_t> first(observations.size(), 0);
  const std::vector<std::int32_t> offsets{0, static_cast<std::int32_t>(batch.states)};
  batch.shared_offsets = Tensor::from_host(backend(), std::span<const std::int32_t>(offsets));
  batch.shared_rows = Tensor::from_host(backend(), std::span<const std::int32_t>(first));
  return batch;
}

PolicyOutput MlpActorCritic::forward(const StateBatch& batch) {
  const Tensor features = actor_(batch.vectors);
  PolicyOutput out;
  if (logits_) out.logits = by_row((*logits_)(features), config_.choices);
  if (mean_) {
    const Tensor mean = by_row((*mean_)(features), config_.continuous_dims);
    const Tensor deviation = repeat_segments(log_std_, batch.shared_offsets, batch.shared_rows);
    out.gaussian = concat_cols(mean, by_row(deviation, config_.continuous_dims));
  }
  out.values = values(batch);
  return out;
}

Tensor MlpActorCritic::values(const StateBatch& batch) {
  return value_(critic_(batch.vectors));
}

Tensor MlpActorCritic::by_row(const Tensor& t, std::int64_t per_row) const {
  return config_.rows == 1 ? t : t.reshape({t.numel() / per_row, per_row});
}

void MlpActorCritic::initialize(RandomStream& random, bool) {
  actor_.initialize(random);
  critic_.initialize(random);
  constexpr double kPolicyGain = 0.01, kValueGain = 1.0;
  if (logits_) initialize_orthogonal(*logits_, kPolicyGain, random);
  if (mean_) {
    initialize_orthogonal(*mean_, kPolicyGain, random);
    fill_constant(log_std_, 0.0f);
  }
  initialize_orthogonal(value_, kValueGain, random);
}

std::vector<ParamGroup> MlpActorCritic::param_groups() const {
  return {{"heads", config_.head_lr, parameters()}};
}

}  // namespace frost
