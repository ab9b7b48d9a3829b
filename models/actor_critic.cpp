#include "models/actor_critic.h"

#include <algorithm>

namespace frost {

BodyBranch::BodyBranch(Backend& backend, std::int64_t token_dim, const ActorCriticConfig& config)
    : feature_proj(backend, token_dim, ResNet18::kFeatures),
      body(backend, config.backbone.input_adapter == "1ch_conv" ? 1 : 3),
      trunk(backend, ResNet18::kFeatures, config.hidden_dim),
      trunk_norm(backend, config.hidden_dim) {
  register_module("feature_proj", feature_proj);
  register_module("body", body);
  register_module("trunk.0", trunk);
  register_module("trunk.2", trunk_norm);
}

Tensor BodyBranch::forward(const Tensor& tokens) {
  constexpr std::int64_t kPixels = kImageSide * kImageSide;
  const Tensor projected = feature_proj(tokens);
  std::vector<Tensor> pooled;
  for (std::int64_t begin = 0; begin < tokens.dim(0); begin += kChunk) {
    const std::int64_t count = std::min(kChunk, tokens.dim(0) - begin);
    // The last chunk is padded, finely where it is small: few shapes mean few kernels to prepare.
    const std::int64_t grain = count <= 64 ? 8 : 32;
    const std::int64_t padded = (count + grain - 1) / grain * grain;
    const Tensor rows = pad_rows(narrow_rows(projected, begin, count), padded);
    const Tensor images = pad_cols(rows, kPixels).reshape({padded, kImageSide, kImageSide, 1});
    pooled.push_back(narrow_rows(body.forward(images), 0, count));
  }
  return trunk_norm(gelu(trunk(concat_rows(pooled))));
}

void BodyBranch::initialize(RandomStream& random, bool with_body) {
  initialize_linear(feature_proj, random);
  if (with_body) body.initialize(random);
  initialize_linear(trunk, random);
}

ActorCritic::ActorCritic(Backend& backend, const ActorCriticConfig& config)
    : config_(config),
      mode_(&find_freeze_mode(config.backbone.freeze_mode)),
      encoder_(backend, config.encoder),
      actor_(backend, 2 * config.encoder.out_dim, config),
      discrete_(backend, config.hidden_dim, kActions),
      mu_(backend, config.hidden_dim, kSpawnParameters),
      logstd_(backend, config.hidden_dim, kSpawnParameters),
      spawn_bias_(make_parameter(backend, {kActions})),
      critic_(backend, config.encoder.out_dim, config),
      value_heads_(backend, config.hidden_dim, kValueComponents) {
  register_module("encoder", encoder_);
  register_module("actor", actor_);
  register_module("actor.discrete", discrete_);
  register_module("actor.mu", mu_);
  register_module("actor.logstd", logstd_);
  register_parameter("actor.spawn_bias", spawn_bias_);
  register_module("critic", critic_);
  register_module("critic.value_heads", value_heads_);
  set_freeze_mode(*mode_);
}

ActorCriticOutput ActorCritic::forward(const GraphBatch& batch, bool with_spawn) {
  const Tensor tokens = encoder_.forward(batch);
  const Tensor graph_tokens = narrow_rows(tokens, 0, batch.graphs);
  const Tensor node_tokens = narrow_rows(tokens, batch.graphs, batch.nodes);
  const Tensor context = repeat_segments(graph_tokens, batch.offsets, batch.graph_of_node);
  const Tensor cells = actor_.forward(concat_cols(node_tokens, context));
  const Tensor logits = linear(cells, discrete_.weight, add(discrete_.bias, spawn_bias_));
  const Tensor spawn = with_spawn ? concat_cols(mu_(cells), logstd_(cells)) : Tensor();
  return {logits, critic_values(batch, tokens), spawn};
}

Tensor ActorCritic::values(const GraphBatch& batch) {
  return critic_values(batch, encoder_.forward(batch));
}

Tensor ActorCritic::critic_values(const GraphBatch& batch, const Tensor& tokens) {
  return value_heads_(critic_.forward(narrow_rows(tokens, 0, batch.graphs)));
}

void ActorCritic::initialize(RandomStream& random, bool with_bodies) {
  encoder_.initialize(random);
  actor_.initialize(random, with_bodies);
  critic_.initialize(random, with_bodies);
  for (Linear* head : {&discrete_, &mu_, &logstd_, &value_heads_}) {
    initialize_linear(*head, random);
  }
  const float bias[kActions] = {static_cast<float>(config_.spawn_bias_init), 0.0f};
  spawn_bias_.copy_from_host(bias);
}

void ActorCritic::load_bodies(const StateDict& imagenet) {
  actor_.body.load(imagenet);
  critic_.body.load(imagenet);
}

void ActorCritic::set_freeze_mode(const FreezeMode& mode) {
  mode_ = &mode;
  apply_freeze_mode(actor_.body, mode);
  apply_freeze_mode(critic_.body, mode);
}

std::vector<ParamGroup> ActorCritic::param_groups() const {
  std::vector<ParamGroup> groups = {{"backbone", config_.backbone.backbone_lr, {}},
                                    {"heads", config_.backbone.head_lr, {}},
                                    {"encoder", config_.backbone.head_lr, {}}};
  for (NamedTensor& p : parameters()) {
    if (!p.tensor.requires_grad()) continue;
    const bool in_body = p.name.find(".body.") != std::string::npos;
    groups[in_body ? 0 : p.name.starts_with("encoder.") ? 2 : 1].parameters.push_back(p);
  }
  return groups;
}

}  // namespace frost
