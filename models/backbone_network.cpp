#include "models/backbone_network.h"

#include "kernels/errors.h"
#include "models/graph_actor_critic.h"
#include "models/image_actor_critic.h"
#include "models/mlp_actor_critic.h"

namespace frost {
namespace {

std::int64_t body_channels(const ActorCriticConfig& config) {
  return config.backbone.input_adapter == "1ch_conv" ? 1 : 3;
}

}  // namespace

Trunk::Trunk(Backend& backend, std::int64_t hidden)
    : linear(backend, ResNet18::kFeatures, hidden), norm(backend, hidden) {
  register_module("0", linear);
  register_module("2", norm);
}

BackboneNetwork::BackboneNetwork(Backend& backend, const ActorCriticConfig& config)
    : config_(config),
      backend_(backend),
      mode_(&find_freeze_mode(config.backbone.freeze_mode)),
      actor_body_(backend, body_channels(config)),
      critic_body_(backend, body_channels(config)) {
  for (ResNet18* body : {&actor_body_, &critic_body_}) {
    body->set_folding(config.backbone.savings.folding);
    apply_freeze_mode(*body, *mode_);
  }
}

void BackboneNetwork::load_bodies(const StateDict& imagenet) {
  actor_body_.load(imagenet);
  critic_body_.load(imagenet);
}

void BackboneNetwork::set_freeze_mode(const FreezeMode& mode, double backbone_lr) {
  mode_ = &mode;
  config_.backbone.freeze_mode = mode.name;
  config_.backbone.backbone_lr = backbone_lr;
  apply_freeze_mode(actor_body_, mode);
  apply_freeze_mode(critic_body_, mode);
}

std::vector<ParamGroup> BackboneNetwork::param_groups() const {
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

std::unique_ptr<BackboneNetwork> make_backbone_network(Backend& backend,
                                                       const ActorCriticConfig& config) {
  if (config.observation == ObservationKind::kImage) {
    return std::make_unique<ImageActorCritic>(backend, config);
  }
  return std::make_unique<GraphActorCritic>(backend, config);
}

std::unique_ptr<PolicyNetwork> make_policy_network(Backend& backend,
                                                   const ActorCriticConfig& config) {
  if (config.observation == ObservationKind::kVector) {
    return std::make_unique<MlpActorCritic>(backend, config);
  }
  return make_backbone_network(backend, config);
}

BackboneNetwork* find_backbone(PolicyNetwork& network) {
  return dynamic_cast<BackboneNetwork*>(&network);
}

BackboneNetwork& require_backbone(PolicyNetwork& network) {
  if (BackboneNetwork* backbone = find_backbone(network)) return *backbone;
  throw UsageError(
      "this needs ResNet18 bodies, which the network of vector observations has not: set "
      "environment.name to durotaxis");
}

}  // namespace frost
