#include "models/image_actor_critic.h"

#include <algorithm>

#include "kernels/errors.h"

namespace frost {
namespace {

/// Everything the first `units` units of the body compute from.
std::vector<Tensor> prefix_tensors(const ResNet18& body, int units) {
  std::vector<Tensor> tensors;
  for (int u = 0; u < units; ++u) {
    for (const Tensor& t : body.unit_tensors(u)) tensors.push_back(t);
  }
  return tensors;
}

bool equal_contents(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& x, const Tensor& y) {
    return x.shape() == y.shape() && x.to_host() == y.to_host();
  });
}

}  // namespace

ImageActorCritic::ImageActorCritic(Backend& backend, const ActorCriticConfig& config)
    : BackboneNetwork(backend, config),
      actor_trunk_(backend, config.hidden_dim),
      critic_trunk_(backend, config.hidden_dim),
      mu_(backend, config.hidden_dim, kActionDims),
      logstd_(backend, config.hidden_dim, kActionDims),
      value_heads_(backend, config.hidden_dim, kValueComponents) {
  register_module("actor.body", actor_body_);
  register_module("actor.trunk", actor_trunk_);
  register_module("actor.mu", mu_);
  register_module("actor.logstd", logstd_);
  register_module("critic.body", critic_body_);
  register_module("critic.trunk", critic_trunk_);
  register_module("critic.value_heads", value_heads_);
}

StateBatch ImageActorCritic::make_batch(const std::vector<const Observation*>& observations,
                                        BatchPadding) const {
  const auto pixels = static_cast<std::size_t>(config_.image_size * config_.image_size);
  std::vector<std::uint8_t> bytes;
  for (const Observation* o : observations) {
    const auto* image = std::get_if<ImageObservation>(o);
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

const ImageActorCritic::Prefix& ImageActorCritic::prefix() {
  const int units = actor_body_.frozen_units();
  const std::vector<Tensor> actor = prefix_tensors(actor_body_, units);
  const std::vector<Tensor> critic = prefix_tensors(critic_body_, units);
  std::vector<std::uint64_t> versions;
  for (const std::vector<Tensor>* side : {&actor, &critic}) {
    for (const Tensor& t : *side) versions.push_back(t.storage().version());
  }
  if (units == prefix_.units && versions == prefix_versions_) return prefix_;
  prefix_ = {units, config_.backbone.savings.sharing && equal_contents(actor, critic)};
  prefix_versions_ = std::move(versions);
  ++prefix_id_;
  return prefix_;
}

std::uint64_t ImageActorCritic::prefix_id() {
  prefix();
  return prefix_id_;
}

Tensor ImageActorCritic::pixels(const StateBatch& batch) const {
  const std::int64_t side = config_.image_size;
  return bytes_to_floats(batch.images, {batch.states, side, side, 1},
                         1.0f / (255.0f * kPixelDeviation), -kPixelMean / kPixelDeviation);
}

Tensor ImageActorCritic::run_prefix(ResNet18& body, const Tensor& images) const {
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < images.dim(0); begin += kPrefixChunk) {
    const std::int64_t count = std::min(kPrefixChunk, images.dim(0) - begin);
    const Tensor chunk = pad_rows(narrow_rows(images, begin, count), kPrefixChunk);
    const Tensor map = body.forward(chunk, 0, prefix_.units);
    const Tensor rows = map.reshape({kPrefixChunk, map.numel() / kPrefixChunk});
    parts.push_back(narrow_rows(rows, 0, count));
  }
  return concat_rows(parts);
}

Tensor ImageActorCritic::encode(const StateBatch& batch) {
  if (!config_.backbone.savings.cache || prefix().units == 0) return {};
  const NoGradGuard no_grad;
  const Tensor images = pixels(batch);
  const Tensor actor = run_prefix(actor_body_, images);
  return prefix_.shared ? actor : concat_cols(actor, run_prefix(critic_body_, images));
}

ImageActorCritic::Inputs ImageActorCritic::inputs(const StateBatch& batch) {
  const int units = prefix().units;
  if (units == 0) {
    const Tensor images = pixels(batch);
    return {images, images};
  }
  const auto as_map = [&](const Tensor& rows) {
    Shape shape = actor_body_.unit_input(units, config_.image_size);
    shape.insert(shape.begin(), batch.states);
    return rows.reshape(shape);
  };
  if (batch.features.defined()) {
    if (prefix_.shared) {
      const Tensor map = as_map(batch.features);
      return {map, map};
    }
    const std::int64_t width = batch.features.dim(1) / 2;
    return {as_map(narrow_cols(batch.features, 0, width)),
            as_map(narrow_cols(batch.features, width, width))};
  }
  const Tensor images = pixels(batch);
  const Tensor actor = as_map(run_prefix(actor_body_, images));
  return {actor, prefix_.shared ? actor : as_map(run_prefix(critic_body_, images))};
}

PolicyOutput ImageActorCritic::forward(const StateBatch& batch) {
  const Inputs in = inputs(batch);
  const Tensor acting = actor_trunk_(actor_body_.forward(in.actor, prefix_.units));
  const Tensor judging = critic_trunk_(critic_body_.forward(in.critic, prefix_.units));
  PolicyOutput out;
  out.gaussian = concat_cols(columns(mu_(acting)), columns(logstd_(acting)));
  out.values = value_heads_(judging);
  return out;
}

Tensor ImageActorCritic::values(const StateBatch& batch) {
  const Inputs in = inputs(batch);
  return value_heads_(critic_trunk_(critic_body_.forward(in.critic, prefix_.units)));
}

Tensor ImageActorCritic::columns(const Tensor& heads) const {
  return narrow_cols(heads, 0, config_.continuous_dims);
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
