#include "models/policies/graph_actor_critic.h"

#include <algorithm>

#include "kernels/errors.h"
#include "models/policies/action_heads.h"

namespace frost {

GraphActorCritic::GraphActorCritic(Backend& backend, const ActorCriticConfig& config)
    : BackboneNetwork(backend, config),
      encoder_(backend, config.encoder),
      actor_projection_(backend, 2 * config.encoder.out_dim, kTokenPixels),
      critic_projection_(backend, config.encoder.out_dim, kTokenPixels),
      actor_trunk_(backend, actor_body_.spec().features(), config.hidden_dim),
      critic_trunk_(backend, critic_body_.spec().features(), config.hidden_dim),
      discrete_(backend, config.hidden_dim, config.choices),
      mu_(backend, config.hidden_dim, config.continuous_heads),
      logstd_(backend, config.hidden_dim, config.continuous_heads),
      choice_bias_(make_parameter(backend, {config.choices})),
      value_heads_(backend, config.hidden_dim, config.value_components) {
  if (config.choices < 1) fail("actor_critic", "a node needs at least one choice");
  register_module("encoder", encoder_);
  register_module("actor.feature_proj", actor_projection_);
  register_module("actor.body", actor_body_);
  register_module("actor.trunk", actor_trunk_);
  register_module("actor.discrete", discrete_);
  register_module("actor.mu", mu_);
  register_module("actor.logstd", logstd_);
  // The name it has in files: there the first choice was to spawn.
  register_parameter("actor.spawn_bias", choice_bias_);
  register_module("critic.feature_proj", critic_projection_);
  register_module("critic.body", critic_body_);
  register_module("critic.trunk", critic_trunk_);
  register_module("critic.value_heads", value_heads_);
}

StateBatch GraphActorCritic::make_batch(const std::vector<const Observation*>& observations,
                                        BatchPadding padding) const {
  std::vector<const GraphObservation*> graphs;
  for (const Observation* o : observations) {
    graphs.push_back(std::get_if<GraphObservation>(o));
    if (graphs.back() == nullptr) fail("graph_batch", "the observation is not a graph");
  }
  StateBatch batch;
  batch.graphs = make_graph_batch(backend(), graphs, config_.encoder, padding);
  if (padding != BatchPadding::kNone) batch.padded_rows = batch.graphs.nodes;
  batch.states = batch.graphs.graphs;
  batch.row_offsets = batch.graphs.offsets;
  batch.action_mask = batch.graphs.action_mask;
  return batch;
}

PolicyOutput GraphActorCritic::forward(const StateBatch& batch) {
  const GraphBatch& graphs = batch.graphs;
  const Tensor tokens = encoder_.forward(graphs);
  const Tensor graph_tokens = narrow_rows(tokens, 0, graphs.graphs);
  const Tensor node_tokens = narrow_rows(tokens, graphs.graphs, graphs.nodes);
  const Tensor context = repeat_segments(graph_tokens, graphs.offsets, graphs.graph_of_node);
  const Tensor acting = actor_trunk_(
      pooled_tokens(actor_projection_, actor_body_, concat_cols(node_tokens, context)));
  PolicyOutput out;
  out.logits = linear(acting, discrete_.weight, add(discrete_.bias, choice_bias_));
  if (config_.continuous_dims > 0) {
    out.gaussian = executed_gaussian(mu_(acting), logstd_(acting), config_.continuous_dims);
  }
  out.values = critic_values(graphs, tokens);
  return out;
}

Tensor GraphActorCritic::values(const StateBatch& batch) {
  return critic_values(batch.graphs, encoder_.forward(batch.graphs));
}

Tensor GraphActorCritic::critic_values(const GraphBatch& batch, const Tensor& tokens) {
  const Tensor graph_tokens = narrow_rows(tokens, 0, batch.graphs);
  return value_heads_(critic_trunk_(pooled_tokens(critic_projection_, critic_body_, graph_tokens)));
}

Tensor GraphActorCritic::pooled_tokens(const Linear& projection, ResNet& body,
                                       const Tensor& tokens) {
  constexpr std::int64_t kPixels = kImageSide * kImageSide;
  const Tensor projected = projection(tokens);
  const std::int64_t chunk = tokens.backend().preferred_batch();
  std::vector<Tensor> pooled;
  for (std::int64_t begin = 0; begin < tokens.dim(0); begin += chunk) {
    const std::int64_t count = std::min(chunk, tokens.dim(0) - begin);
    const std::int64_t padded = padded_images(count);
    const Tensor rows = pad_rows(narrow_rows(projected, begin, count), padded);
    const Tensor images = pad_cols(rows, kPixels).reshape({padded, kImageSide, kImageSide, 1});
    pooled.push_back(narrow_rows(body.forward(images), 0, count));
  }
  return concat_rows(pooled);
}

void GraphActorCritic::initialize(RandomStream& random, bool with_bodies) {
  const auto side = [&](Linear& projection, ResNet& body, Trunk& trunk) {
    initialize_linear(projection, random);
    if (with_bodies) body.initialize(random);
    initialize_linear(trunk.linear, random);
  };
  encoder_.initialize(random);
  side(actor_projection_, actor_body_, actor_trunk_);
  side(critic_projection_, critic_body_, critic_trunk_);
  for (Linear* head : {&discrete_, &mu_, &logstd_, &value_heads_}) {
    initialize_linear(*head, random);
  }
  std::vector<float> bias(static_cast<std::size_t>(config_.choices));
  bias.at(0) = static_cast<float>(config_.first_choice_bias);
  choice_bias_.copy_from_host(bias);
}

}  // namespace frost
