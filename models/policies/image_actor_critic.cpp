#include "models/policies/image_actor_critic.h"

#include "kernels/errors.h"

namespace frost {

ImageActorCritic::ImageActorCritic(Backend& backend, const ActorCriticConfig& config)
    : BackboneNetwork(backend, config),
      actor_trunk_(backend, body_spec().features(), config.hidden_dim),
      critic_trunk_(backend, body_spec().features(), config.hidden_dim),
      mu_(backend, config.hidden_dim, config.continuous_heads),
      logstd_(backend, config.hidden_dim, config.continuous_heads),
      value_heads_(backend, config.hidden_dim, config.value_components),
      prefix_({&actor_body_, &critic_body_}, {config.image_size, config.image_size, 1},
              config.backbone.savings.sharing) {
  set_preprocessing({});
  register_module("actor.body", actor_body_);
  register_module("actor.trunk", actor_trunk_);
  register_module("actor.mu", mu_);
  register_module("actor.logstd", logstd_);
  register_module("critic.body", critic_body_);
  register_module("critic.trunk", critic_trunk_);
  register_module("critic.value_heads", value_heads_);
}

void ImageActorCritic::set_preprocessing(const Preprocessing& preprocessing) {
  const float mean = preprocessing.grey_mean(), deviation = preprocessing.grey_deviation();
  prefix_.set_preprocessing([side = config_.image_size, mean, deviation](const Tensor& bytes) {
    return bytes_to_floats(bytes, {bytes.numel() / (side * side), side, side, 1},
                           1.0f / (255.0f * deviation), -mean / deviation);
  });
}

StateBatch ImageActorCritic::make_batch(const std::vector<const Observation*>& observations,
                                        BatchPadding) const {
  const auto pixels = static_cast<std::size_t>(config_.image_size * config_.image_size);
  std::vector<std::uint8_t> bytes;
  for (const Observation* o : observations) {
    const auto* image = std::get_if<PictureObservation>(o);
    if (image == nullptr) fail("image_batch", "the observation is not an image");
    if (image->pixels.size() != pixels) {
      fail("image_batch", "an image of " + std::to_string(image->pixels.size()) +
                              " pixels for a network of side " +
                              std::to_string(config_.image_size));
    }
    bytes.insert(bytes.end(), image->pixels.begin(), image->pixels.end());
  }
  StateBatch batch;
  batch.states = static_cast<std::int64_t>(observations.size());
  batch.images = Tensor::from_host(backend(), std::span<const std::uint8_t>(bytes));
  batch.row_offsets = uniform_row_offsets(backend(), batch.states, 1);
  return batch;
}

Tensor ImageActorCritic::encode(const StateBatch& batch) {
  if (!config_.backbone.savings.cache || prefix_.units() == 0) return {};
  return prefix_.run(batch.images);
}

ImageActorCritic::Inputs ImageActorCritic::inputs(const StateBatch& batch) {
  if (batch.features.defined()) {
    return {prefix_.input(batch.features, 0), prefix_.input(batch.features, 1)};
  }
  const std::vector<Tensor> maps = prefix_.inputs(batch.images);
  return {maps[0], maps[1]};
}

PolicyOutput ImageActorCritic::forward(const StateBatch& batch) {
  const Inputs in = inputs(batch);
  const Tensor acting = actor_trunk_(actor_body_.forward(in.actor, prefix_.units()));
  PolicyOutput out;
  out.gaussian = gaussian(mu_(acting), logstd_(acting));
  out.values = judge(in);
  return out;
}

Tensor ImageActorCritic::values(const StateBatch& batch) {
  return judge(inputs(batch));
}

Tensor ImageActorCritic::judge(const Inputs& in) {
  return value_heads_(critic_trunk_(critic_body_.forward(in.critic, prefix_.units())));
}

void ImageActorCritic::initialize(RandomStream& random, bool with_bodies) {
  if (with_bodies) {
    // Both bodies start alike, as pretrained ones do, so that a frozen prefix can be shared.
    actor_body_.initialize(random);
    critic_body_.load_state_dict(actor_body_.state_dict());
  }
  for (Linear* layer :
       {&actor_trunk_.linear, &critic_trunk_.linear, &mu_, &logstd_, &value_heads_}) {
    initialize_linear(*layer, random);
  }
}

}  // namespace frost
