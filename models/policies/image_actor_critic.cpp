#include "models/policies/image_actor_critic.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/autograd.h"
#include "kernels/errors.h"
#include "models/policies/picture_rows.h"

namespace frost {
namespace {

/// Owners of the prefix.
constexpr std::size_t kActor = 0, kCritic = 1;

/// What the trunk reads: columns of each frame, and of each value beside the picture.
std::vector<std::int64_t> trunk_columns(const ResNet& body, const PictureInput& picture) {
  const Shape seen = body.output({picture.height, picture.width, picture.channels});
  const std::int64_t width =
      body.tap().pooled ? numel(seen) : seen[0] * seen[1] * MapHead::kChannels;
  std::vector<std::int64_t> groups(static_cast<std::size_t>(picture.frames), width);
  groups.insert(groups.end(), static_cast<std::size_t>(picture.values), 1);
  return groups;
}

std::int64_t trunk_width(const ResNet& body, const PictureInput& picture) {
  const std::vector<std::int64_t> groups = trunk_columns(body, picture);
  return std::accumulate(groups.begin(), groups.end(), std::int64_t{0});
}

const ActorCriticConfig& require_channels(const ActorCriticConfig& config) {
  if (config.picture.channels != 1 && config.backbone.input_adapter == "1ch_conv") {
    throw UsageError(
        "actor_critic.backbone.input_adapter is 1ch_conv and the pictures have 3 channels: set it "
        "to repeat3, which takes them as they are");
  }
  return config;
}

/// Pictures in a row as [n, picture...].
Tensor as_floats(const Tensor& bytes, Shape picture, float scale, float shift) {
  picture.insert(picture.begin(), bytes.numel() / numel(picture));
  return bytes_to_floats(bytes, std::move(picture), scale, shift);
}

FrozenPrefix::Preprocessing grey_preprocessing(const Shape& picture, const Preprocessing& p) {
  const float mean = p.grey_mean(), deviation = p.grey_deviation();
  return [=](const Tensor& bytes) {
    return as_floats(bytes, picture, 1.0f / (255.0f * deviation), -mean / deviation);
  };
}

/// A BatchNorm that changes each channel as the preprocessing says.
FrozenPrefix::Preprocessing color_preprocessing(Backend& backend, const Shape& picture,
                                                const Preprocessing& p) {
  std::vector<float> scale, shift;
  for (std::size_t c = 0; c < p.mean.size(); ++c) {
    scale.push_back(1.0f / p.deviation[c]);
    shift.push_back(-p.mean[c] / p.deviation[c]);
  }
  const auto channels = [&](const std::vector<float>& values) {
    return Tensor::from_host(backend, {3}, values);
  };
  return [picture, gamma = channels(scale), beta = channels(shift),
          mean = channels(std::vector<float>(3, 0.0f)),
          variance = channels(std::vector<float>(3, kUnitVariance))](const Tensor& bytes) {
    const Tensor x = as_floats(bytes, picture, 1.0f / 255.0f, 0.0f);
    return batch_norm(x, gamma, beta, mean, variance);
  };
}

/// Every row `times` times.
Tensor repeat_rows(const Tensor& x, std::int64_t times) {
  std::vector<std::int32_t> rows;
  for (std::int64_t i = 0; i < x.dim(0) * times; ++i) {
    rows.push_back(static_cast<std::int32_t>(i / times));
  }
  return gather_rows(x, Tensor::from_host(x.backend(), std::span<const std::int32_t>(rows)));
}

}  // namespace

ImageActorCritic::ImageActorCritic(Backend& backend, const ActorCriticConfig& config)
    : BackboneNetwork(backend, require_channels(config)),
      actor_trunk_(backend, trunk_width(actor_body_, config.picture), config.hidden_dim),
      critic_trunk_(backend, trunk_width(critic_body_, config.picture), config.hidden_dim),
      heads_(backend, config.hidden_dim, config),
      value_heads_(backend, config.hidden_dim, config.value_components),
      prefix_({&actor_body_, &critic_body_}, body_input(), config.backbone.savings.sharing) {
  set_preprocessing({});
  const auto map_head = [&](const ResNet& body, std::optional<MapHead>& layer, const char* name) {
    if (body.tap().pooled) return;
    layer.emplace(backend, body.output(body_input())[2]);
    register_module(name, *layer);
  };
  const auto columns = [&](const ResNet& body, std::optional<Standardization>& layer,
                           const char* name) {
    if (!config.standardize_features) return;
    layer.emplace(backend, trunk_columns(body, config.picture));
    register_module(name, *layer);
  };
  register_module("actor.body", actor_body_);
  map_head(actor_body_, actor_map_, "actor.map");
  columns(actor_body_, actor_columns_, "actor.columns");
  register_module("actor.trunk", actor_trunk_);
  register_module("actor", heads_);
  register_module("critic.body", critic_body_);
  map_head(critic_body_, critic_map_, "critic.map");
  columns(critic_body_, critic_columns_, "critic.columns");
  register_module("critic.trunk", critic_trunk_);
  register_module("critic.value_heads", value_heads_);
}

void ImageActorCritic::set_preprocessing(const Preprocessing& preprocessing) {
  swaps_channels_ = config_.picture.channels == 3 && preprocessing.channels == "bgr";
  prefix_.set_preprocessing(config_.picture.channels == 3
                                ? color_preprocessing(backend(), body_input(), preprocessing)
                                : grey_preprocessing(body_input(), preprocessing));
}

StateBatch ImageActorCritic::make_batch(const std::vector<const Observation*>& observations,
                                        BatchPadding) const {
  const PictureInput& input = config_.picture;
  PictureRows rows = picture_rows(observations, input);
  std::vector<std::uint8_t>& bytes = rows.pixels;
  if (swaps_channels_) {
    for (std::size_t i = 0; i < bytes.size(); i += 3) std::swap(bytes[i], bytes[i + 2]);
  }
  StateBatch batch;
  batch.states = static_cast<std::int64_t>(observations.size());
  // Of several frames `encode` uploads those that are new.
  if (input.frames == 1 || !keeps_features()) {
    batch.images = Tensor::from_host(backend(), std::span<const std::uint8_t>(bytes));
  }
  if (input.values > 0) {
    batch.vectors = Tensor::from_host(backend(), {batch.states, input.values}, rows.values);
  }
  batch.row_offsets = uniform_row_offsets(backend(), batch.states, config_.rows);
  if (input.frames > 1) batch.frames = std::move(bytes);
  return batch;
}

bool ImageActorCritic::keeps_features() const {
  const auto is_frozen = [](const ResNet& body) {
    return std::ranges::none_of(body.unit_tensors(0),
                                [](const Tensor& t) { return t.requires_grad(); });
  };
  return config_.backbone.savings.cache && is_frozen(actor_body_) && is_frozen(critic_body_);
}

Tensor ImageActorCritic::encode(const StateBatch& batch) {
  if (!keeps_features()) return {};
  const std::int64_t frames = config_.picture.frames, states = batch.states;
  Tensor rows = frames == 1 ? prefix_.run(batch.images)
                            : memory_.features(backend(), batch.frames, states, frames, prefix_);
  if (batch.vectors.defined()) {
    const Tensor each = frames == 1 ? batch.vectors : repeat_rows(batch.vectors, frames);
    rows = concat_cols(rows, each);
  }
  return rows.reshape({states, rows.numel() / states});
}

ImageActorCritic::Inputs ImageActorCritic::inputs(const StateBatch& batch) {
  if (!batch.features.defined()) {
    const Tensor images = batch.images.defined()
                              ? batch.images
                              : Tensor::from_host(backend(), std::span(batch.frames));
    const std::vector<Tensor> maps = prefix_.inputs(images);
    return {maps[0], maps[1], batch.vectors};
  }
  const std::int64_t frames = config_.picture.frames, values = config_.picture.values;
  const Tensor& kept = batch.features;
  const std::int64_t width = kept.dim(1) / frames;
  Tensor rows = kept.reshape({kept.dim(0) * frames, width});
  if (values > 0) rows = narrow_cols(rows, 0, width - values);
  return {prefix_.input(rows, kActor), prefix_.input(rows, kCritic),
          values > 0 ? narrow_cols(kept, kept.dim(1) - values, values) : Tensor()};
}

Tensor ImageActorCritic::features(std::size_t side, const Tensor& maps, const Tensor& values) {
  ResNet& body = side == kActor ? actor_body_ : critic_body_;
  const std::optional<MapHead>& head = side == kActor ? actor_map_ : critic_map_;
  const Tensor yielded = body.forward(maps, prefix_.units(side));
  const Tensor rows = head ? (*head)(yielded) : yielded;
  const std::int64_t frames = config_.picture.frames, width = rows.dim(1);
  Tensor all = rows.reshape({rows.dim(0) / frames, frames * width});
  if (config_.picture.frame_difference && frames > 1) {
    const std::int64_t earlier = (frames - 1) * width;
    all = concat_cols(subtract(narrow_cols(all, width, earlier), narrow_cols(all, 0, earlier)),
                      narrow_cols(all, earlier, width));
  }
  return values.defined() ? concat_cols(all, values) : all;
}

PolicyOutput ImageActorCritic::forward(const StateBatch& batch) {
  const Inputs in = inputs(batch);
  PolicyOutput out = act(in);
  out.values = judge(in);
  return out;
}

Tensor ImageActorCritic::values(const StateBatch& batch) {
  return judge(inputs(batch));
}

PolicyOutput ImageActorCritic::act(const Inputs& in) {
  Tensor x = features(kActor, in.actor, in.values);
  if (actor_columns_) x = (*actor_columns_)(x);
  return heads_(actor_trunk_(x));
}

Tensor ImageActorCritic::judge(const Inputs& in) {
  Tensor x = features(kCritic, in.critic, in.values);
  if (critic_columns_) x = (*critic_columns_)(x);
  return value_heads_(critic_trunk_(x));
}

bool ImageActorCritic::awaits_statistics() const {
  return actor_columns_ && !actor_columns_->defined();
}

std::vector<double> ImageActorCritic::statistics_of(const StateBatch& batch) {
  if (!actor_columns_) return {};
  const NoGradGuard no_grad;
  const Inputs in = inputs(batch);
  std::vector<double> sums = column_sums(features(kActor, in.actor, in.values));
  const std::vector<double> of_critic = column_sums(features(kCritic, in.critic, in.values));
  sums.insert(sums.end(), of_critic.begin(), of_critic.end());
  return sums;
}

void ImageActorCritic::set_statistics(const std::vector<double>& sums) {
  if (!actor_columns_) return;
  const std::size_t of_actor = actor_columns_->sums();
  if (sums.size() != of_actor + critic_columns_->sums()) {
    fail("standardization", "these are sums of another network");
  }
  actor_columns_->define(std::span(sums).first(of_actor));
  critic_columns_->define(std::span(sums).subspan(of_actor));
}

void ImageActorCritic::initialize(RandomStream& random, bool with_bodies) {
  if (with_bodies) initialize_bodies(random);
  for (std::optional<MapHead>* head : {&actor_map_, &critic_map_}) {
    if (*head) initialize_linear((*head)->linear, random);
  }
  for (Linear* layer : {&actor_trunk_.linear, &critic_trunk_.linear}) {
    initialize_linear(*layer, random);
  }
  heads_.initialize([&](Linear& head) { initialize_linear(head, random); });
  initialize_linear(value_heads_, random);
}

}  // namespace frost
