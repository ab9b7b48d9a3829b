#pragma once

#include "engine/io/preprocessing.h"
#include "models/freeze.h"
#include "models/frozen_prefix.h"
#include "models/policies/actor_critic_config.h"
#include "models/policies/policy_network.h"
#include "models/resnet.h"

namespace frost {

/// Linear(features -> hidden) -> GELU -> LayerNorm, behind each body.
class Trunk : public Module {
 public:
  Trunk(Backend& backend, std::int64_t features, std::int64_t hidden);
  Tensor operator()(const Tensor& pooled) const { return norm(gelu(linear(pooled))); }

  Linear linear;
  LayerNorm norm;
};

/// An actor-critic whose two sides each have a ResNet body, of one architecture or two, under one
/// freeze mode (docs/networks.md, "Actor and critic").
class BackboneNetwork : public PolicyNetwork {
 public:
  /// Throws Error where the continuous heads are narrower than the action, UsageError for an
  /// architecture or a freeze mode that does not exist.
  BackboneNetwork(Backend& backend, const ActorCriticConfig& config);

  /// `backbone`, `heads`, `encoder` with their base rates.
  std::vector<ParamGroup> param_groups() const override;
  /// Throws Error for weights that do not fit, naming `input_adapter` where that is why; which
  /// architecture a file holds is known where it is read (`find_pretrained_weights`).
  void load_bodies(const StateDict& actor, const StateDict& critic);
  /// The same for both.
  void load_bodies(const StateDict& imagenet) { load_bodies(imagenet, imagenet); }
  /// How the bodies want their pictures; nothing where they see none. Until it is called,
  /// torchvision's.
  virtual void set_preprocessing(const Preprocessing&) {}

  /// The actor's; the critic has that of its name.
  const FreezeMode& freeze_mode() const { return *mode_; }
  /// Changes what trains; an optimizer must be given the new groups. `backbone_lr` replaces the
  /// configured rate. Throws UsageError where the critic's architecture has no such mode.
  void set_freeze_mode(const FreezeMode& mode, double backbone_lr);

  ResNet& actor_body() { return actor_body_; }
  ResNet& critic_body() { return critic_body_; }
  const ResNet& actor_body() const { return actor_body_; }
  const ResNet& critic_body() const { return critic_body_; }
  /// Shape of one image that a body is fed, [height, width, channels].
  virtual Shape body_input() const = 0;
  /// Whether a gradient passes through the bodies to something that trains below them.
  virtual bool trains_below_bodies() const = 0;
  /// The frozen beginning of both bodies where nothing trains below them, else null.
  virtual FrozenPrefix* prefix() { return nullptr; }

 protected:
  /// Random weights, the same for both where they are of one architecture, as pretrained ones are:
  /// so a frozen prefix can be shared.
  void initialize_bodies(RandomStream& random);

 private:
  const FreezeMode* mode_;

 protected:
  ResNet actor_body_, critic_body_;
};

/// The network as one that has bodies: null, or throwing UsageError, where it has none.
BackboneNetwork* find_backbone(PolicyNetwork& network);
BackboneNetwork& require_backbone(PolicyNetwork& network);

}  // namespace frost
