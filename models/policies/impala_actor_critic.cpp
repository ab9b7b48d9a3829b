#include "models/policies/impala_actor_critic.h"

#include "models/policies/picture_rows.h"

namespace frost {

ImpalaActorCritic::ImpalaActorCritic(Backend& backend, const ActorCriticConfig& config)
    : PolicyNetwork(backend, config),
      image_{config.picture.height, config.picture.width,
             config.picture.frames * config.picture.channels},
      body_(backend, image_),
      heads_(backend, width(), config),
      value_heads_(backend, width(), config.value_components) {
  register_module("body", body_);
  register_module("actor", heads_);
  register_module("critic.value_heads", value_heads_);
}

StateBatch ImpalaActorCritic::make_batch(const std::vector<const Observation*>& observations,
                                         BatchPadding) const {
  const PictureInput& input = config_.picture;
  const PictureRows rows = picture_rows(observations, input);
  StateBatch batch;
  batch.states = static_cast<std::int64_t>(observations.size());
  const std::vector<std::uint8_t> pixels = frames_as_channels(rows.pixels, input);
  batch.images = Tensor::from_host(backend(), std::span<const std::uint8_t>(pixels));
  if (input.values > 0) {
    batch.vectors = Tensor::from_host(backend(), {batch.states, input.values}, rows.values);
  }
  batch.row_offsets = uniform_row_offsets(backend(), batch.states, config_.rows);
  return batch;
}

Tensor ImpalaActorCritic::features(const StateBatch& batch) {
  const Shape shape{batch.states, image_[0], image_[1], image_[2]};
  const Tensor seen = body_(bytes_to_floats(batch.images, shape, 1.0f / 255.0f, 0.0f));
  return batch.vectors.defined() ? concat_cols(seen, batch.vectors) : seen;
}

PolicyOutput ImpalaActorCritic::forward(const StateBatch& batch) {
  const Tensor seen = features(batch);
  PolicyOutput out = heads_(seen);
  out.values = value_heads_(seen);
  return out;
}

Tensor ImpalaActorCritic::values(const StateBatch& batch) {
  return value_heads_(features(batch));
}

void ImpalaActorCritic::initialize(RandomStream& random, bool) {
  constexpr double kPolicyGain = 0.01, kValueGain = 1.0;
  body_.initialize(random);
  heads_.initialize([&](Linear& head) { initialize_orthogonal(head, kPolicyGain, random); });
  initialize_orthogonal(value_heads_, kValueGain, random);
}

std::vector<ParamGroup> ImpalaActorCritic::param_groups() const {
  return {{"heads", config_.head_lr, parameters()}};
}

}  // namespace frost
