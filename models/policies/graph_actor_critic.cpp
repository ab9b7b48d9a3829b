#include "models/policies/graph_actor_critic.h"

#include <algorithm>

#include "engine/launch.h"
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
      value_heads_(backend, config.hidden_dim, config.value_components),
      bodies_({&actor_body_, &critic_body_}, {kImageSide, kImageSide, 1},
              config.backbone.savings.sharing) {
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
  const Tensor images = actor_projection_(concat_cols(node_tokens, context));
  Tensor of_both;
  if (shares_body()) {
    of_both = pooled_images(actor_body_, concat_rows({images, critic_images(graphs, tokens)}));
  }
  const Tensor acting = actor_trunk_(of_both.defined() ? narrow_rows(of_both, 0, graphs.nodes)
                                                       : pooled_images(actor_body_, images));
  PolicyOutput out;
  out.logits = linear(acting, discrete_.weight, add(discrete_.bias, choice_bias_));
  if (config_.continuous_dims > 0) {
    out.gaussian = executed_gaussian(mu_(acting), logstd_(acting), config_.continuous_dims);
  }
  out.values =
      judge(of_both.defined() ? narrow_rows(of_both, graphs.nodes, graphs.graphs)
                              : pooled_images(critic_body_, critic_images(graphs, tokens)));
  return out;
}

Tensor GraphActorCritic::values(const StateBatch& batch) {
  const Tensor tokens = encoder_.forward(batch.graphs);
  return judge(pooled_images(critic_body_, critic_images(batch.graphs, tokens)));
}

bool GraphActorCritic::shares_body() {
  if (!backend().prefers_few_shapes()) return false;
  if (LaunchControl::dry_run()) {  // no values to compare: what the configuration says of them
    const BackboneConfig& c = config_.backbone;
    return c.savings.sharing && c.freeze_mode == "all" && c.critic() == c.architecture &&
           c.pretrained_weights != "random" && c.critic_weights_path.empty();
  }
  return bodies_.units() == actor_body_.units() && bodies_.shared();
}

Tensor GraphActorCritic::critic_images(const GraphBatch& batch, const Tensor& tokens) const {
  return critic_projection_(narrow_rows(tokens, 0, batch.graphs));
}

Tensor GraphActorCritic::pooled_images(ResNet& body, const Tensor& images) {
  constexpr std::int64_t kPixels = kImageSide * kImageSide;
  const std::int64_t chunk = images.backend().preferred_batch();
  std::vector<Tensor> pooled;
  for (std::int64_t begin = 0; begin < images.dim(0); begin += chunk) {
    const std::int64_t count = std::min(chunk, images.dim(0) - begin);
    const std::int64_t padded = padded_images(count);
    const Tensor rows = pad_rows(narrow_rows(images, begin, count), padded);
    const Tensor maps = pad_cols(rows, kPixels).reshape({padded, kImageSide, kImageSide, 1});
    pooled.push_back(narrow_rows(body.forward(maps), 0, count));
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
