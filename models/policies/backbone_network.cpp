#include "models/policies/backbone_network.h"

#include "kernels/errors.h"

namespace frost {
namespace {

ResNet make_body(Backend& backend, const BackboneConfig& config, const std::string& architecture) {
  return ResNet(backend, resnet_depth(architecture), config.input_adapter == "1ch_conv" ? 1 : 3,
                config.savings.folding, {resnet_tap_stage(config.tap), config.tap_head == "pool"});
}

/// A body for three channels has no weights from one for one; the other way round they are summed.
void require_channels(const StateDict& imagenet, const std::string& adapter) {
  const auto stem = imagenet.find("conv1.weight");
  if (stem == imagenet.end() || adapter == "1ch_conv") return;
  if (stem->second.shape.size() != 4 || stem->second.shape[1] != 1) return;
  throw Error("the weights have a stem for one channel (conv1.weight " +
              to_string(stem->second.shape) +
              "): set actor_critic.backbone.input_adapter to 1ch_conv, it is " + adapter);
}

}  // namespace

Trunk::Trunk(Backend& backend, std::int64_t features, std::int64_t hidden)
    : linear(backend, features, hidden), norm(backend, hidden) {
  register_module("0", linear);
  register_module("2", norm);
}

BackboneNetwork::BackboneNetwork(Backend& backend, const ActorCriticConfig& config)
    : PolicyNetwork(backend, config),
      mode_(&find_freeze_mode(config.backbone.freeze_mode,
                              resnet_depth(config.backbone.architecture))),
      actor_body_(make_body(backend, config.backbone, config.backbone.architecture)),
      critic_body_(make_body(backend, config.backbone, config.backbone.critic())) {
  if (config.continuous_dims > config.continuous_heads) {
    fail("actor_critic", "continuous heads of width " + std::to_string(config.continuous_heads) +
                             " for an action of " + std::to_string(config.continuous_dims) +
                             " dimensions");
  }
  set_freeze_mode(*mode_, config.backbone.backbone_lr);
}

void BackboneNetwork::load_bodies(const StateDict& actor, const StateDict& critic) {
  for (const StateDict* state : {&actor, &critic}) {
    require_channels(*state, config_.backbone.input_adapter);
  }
  actor_body_.load(actor);
  critic_body_.load(critic);
}

void BackboneNetwork::initialize_bodies(RandomStream& random) {
  actor_body_.initialize(random);
  if (config_.backbone.critic() == config_.backbone.architecture) {
    critic_body_.load_state_dict(actor_body_.state_dict());
  } else {
    critic_body_.initialize(random);
  }
}

void BackboneNetwork::set_freeze_mode(const FreezeMode& mode, double backbone_lr) {
  const FreezeMode& of_critic = find_freeze_mode(mode.name, critic_body_.spec().depth);
  mode_ = &mode;
  config_.backbone.freeze_mode = mode.name;
  config_.backbone.backbone_lr = backbone_lr;
  apply_freeze_mode(actor_body_, mode);
  apply_freeze_mode(critic_body_, of_critic);
}

std::vector<ParamGroup> BackboneNetwork::param_groups() const {
  std::vector<ParamGroup> groups = {{"backbone", config_.backbone.backbone_lr, {}},
                                    {"heads", config_.head_lr, {}},
                                    {"encoder", config_.head_lr, {}}};
  for (NamedTensor& p : parameters()) {
    if (!p.tensor.requires_grad()) continue;
    const bool in_body = p.name.find(".body.") != std::string::npos;
    groups[in_body ? 0 : p.name.starts_with("encoder.") ? 2 : 1].parameters.push_back(p);
  }
  return groups;
}

BackboneNetwork* find_backbone(PolicyNetwork& network) {
  return dynamic_cast<BackboneNetwork*>(&network);
}

BackboneNetwork& require_backbone(PolicyNetwork& network) {
  if (BackboneNetwork* backbone = find_backbone(network)) return *backbone;
  throw UsageError(
      "this needs ResNet bodies, which the network has not: set environment.name to one that is "
      "seen as a graph or as a picture, and actor_critic.body to resnet");
}

}  // namespace frost
