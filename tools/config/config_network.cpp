#include "tools/config/config_network.h"

#include "models/resnet_spec.h"
#include "tools/config/config_member.h"
#include "tools/config/config_rules.h"
#include "tools/config/config_schedule.h"

namespace frost {
namespace {

using Keys = std::vector<ConfigKey>;

Keys observation_keys() {
  using Token = EncoderConfig::TokenConnectivity;
  return all_with(
      KeyNeed::kGraph,
      {
          choice<ObservationKind>(
              "observation.kind", MEMBER(model.observation),
              {{"graph", ObservationKind::kGraph}, {"image", ObservationKind::kImage}},
              "the colony as a graph with a decision per cell, or as a picture with one delete "
              "ratio")
              .only_with(KeyNeed::kColony),
          number("observation.image_size", MEMBER(environment.image_size), between(24, 1024),
                 "side of the picture in pixels")
              .only_with(KeyNeed::kColonyPicture),
          number("observation.frames", MEMBER(model.picture.frames), between(1, 16),
                 "the newest pictures that make a state; ResNet bodies see one at a time, and the "
                 "trunks what they make of all; other bodies see them as channels")
              .only_with(KeyNeed::kPicture),
          flag("observation.frame_difference", MEMBER(model.picture.frame_difference),
               "of every frame but the newest, the trunks get the change to the next one")
              .only_with(KeyNeed::kFrames, KeyNeed::kResNet),
          flag("observation.normalize", MEMBER(environment.normalize_observation),
               "scale every feature to about [-1, 1] by fixed, documented factors"),
          choice<ObserveMarks>("observation.observe_marks", MEMBER(environment.observe_marks),
                               {{"auto", ObserveMarks::kAuto},
                                {"false", ObserveMarks::kOff},
                                {"true", ObserveMarks::kOn}},
                               "marks as a 12th node feature; auto: where deletions are rewarded"),
          choice<Token>("observation.token_connectivity", MEMBER(model.encoder.token_connectivity),
                        {{"none", Token::kNone}, {"in", Token::kIn}, {"both", Token::kBoth}},
                        "edges of the graph token: none, from the cells, from and to the cells"),
      });
}

Keys encoder_keys() {
  return all_with(
      KeyNeed::kGraph,
      {
          number("encoder.hidden_dim", MEMBER(model.encoder.hidden_dim), at_least(1),
                 "width of the inner layers"),
          number("encoder.out_dim", MEMBER(model.encoder.out_dim), at_least(1),
                 "width of a token; divisible by num_heads and by the simplicial groups"),
          number("encoder.num_layers", MEMBER(model.encoder.num_layers), at_least(2),
                 "attention layers"),
          number("encoder.num_heads", MEMBER(model.encoder.num_heads), at_least(1),
                 "attention heads"),
      });
}

std::vector<std::string> critic_architectures() {
  std::vector<std::string> names = resnet_names();
  names.insert(names.begin(), BackboneConfig::kSame);
  return names;
}

Keys actor_critic_keys() {
  return {
      choice("actor_critic.body", MEMBER(model.body), {"resnet", "impala"},
             "what looks at pictures: two ResNets, of which a part may be frozen, or one "
             "convolutional network of Espeholt et al. 2018 that trains from random weights")
          .only_with(KeyNeed::kPicture),
      choice("actor_critic.pretrained_weights", MEMBER(model.backbone.pretrained_weights),
             {"imagenet", "random"}, "start of both bodies")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet)
          .allow_null("random"),
      file_path("actor_critic.weights_path", MEMBER(model.backbone.weights_path),
                "weight file of any form; empty: weights/<architecture>.safetensors, then "
                "$FROST_DATA/weights")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet)
          .allow_null(""),
      file_path("actor_critic.critic_weights_path", MEMBER(model.backbone.critic_weights_path),
                "weight file of the critic's body; empty: the actor's, or the search for its own "
                "architecture")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet)
          .allow_null(""),
      choice("actor_critic.preprocessing", MEMBER(model.backbone.preprocessing),
             {"weights", "torchvision"},
             "mean and deviation of the picture: as the weight file says, or torchvision's and no "
             "file that says others")
          .only_with(KeyNeed::kPicture, KeyNeed::kResNet),
      choice("actor_critic.backbone.architecture", MEMBER(model.backbone.architecture),
             resnet_names(), "what both bodies are; the weight file must hold the same")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet),
      choice("actor_critic.backbone.critic_architecture",
             MEMBER(model.backbone.critic_architecture), critic_architectures(),
             "what the critic's body is where it is another than the actor's")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet)
          .allow_null(BackboneConfig::kSame),
      choice("actor_critic.backbone.input_adapter", MEMBER(model.backbone.input_adapter),
             {"repeat3", "1ch_conv"}, "one channel into a body made for three")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet),
      choice("actor_critic.backbone.tap", MEMBER(model.backbone.tap), resnet_tap_names(),
             "where both bodies end; pooled is layer4, averaged. What is behind the tap is not "
             "there")
          .only_with(KeyNeed::kPicture, KeyNeed::kResNet),
      choice("actor_critic.backbone.tap_head", MEMBER(model.backbone.tap_head), {"pool", "flatten"},
             "the map of the tap averaged over its places, or flattened behind a 1x1 convolution "
             "to 16 channels that trains")
          .only_with(KeyNeed::kPicture, KeyNeed::kResNet),
      freeze_mode_key(
          "actor_critic.backbone.freeze_mode", MEMBER(model.backbone.freeze_mode),
          "which part of both bodies is frozen; layerN.M: block M of layerN and what is "
          "behind it train")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet),
      number("actor_critic.backbone.backbone_lr", MEMBER(model.backbone.backbone_lr), above(0),
             "learning rate of what trains in the bodies")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet),
      number("actor_critic.backbone.head_lr", MEMBER(model.head_lr), above(0),
             "learning rate of everything else"),
      freeze_schedule_key("actor_critic.backbone.freeze_schedule",
                          MEMBER(model.backbone.freeze_schedule),
                          "later freeze modes: each takes effect when so many updates are done")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet),
      int_list("actor_critic.mlp_hidden", MEMBER(model.mlp_hidden), between(1, 65536),
               "widths of the tanh layers of actor and of critic where a vector is observed")
          .only_with(KeyNeed::kVector),
      number("actor_critic.hidden_dim", MEMBER(model.hidden_dim), at_least(1),
             "width of the trunks behind the bodies")
          .only_with(KeyNeed::kBodies, KeyNeed::kResNet),
      flag("actor_critic.standardize_features", MEMBER(model.standardize_features),
           "the trunks read every column in units of its own spread, which is taken from one "
           "rollout more, before the first update")
          .only_with(KeyNeed::kPicture, KeyNeed::kResNet),
      flag("actor_critic.state_dependent_std", MEMBER(model.state_dependent_std),
           "the deviation of a continuous action is computed from the picture; false: it is one "
           "parameter per dimension, which starts at 1")
          .only_with(KeyNeed::kPicture, KeyNeed::kContinuous),
      number("actor_critic.spawn_bias_init", MEMBER(model.first_choice_bias), between(-30, 30),
             "initial logit bias of spawning")
          .only_with(KeyNeed::kGraph),
      number_range("actor_critic.spawn_parameter_bounds.gamma", MEMBER(environment.spawn.bounds[0]),
                   above(0), "range of the largest length of a spawn, in stage 2")
          .only_with(KeyNeed::kParameters),
      number_range("actor_critic.spawn_parameter_bounds.alpha", MEMBER(environment.spawn.bounds[1]),
                   above(0), "range of the stiffness of half that length")
          .only_with(KeyNeed::kParameters),
      number_range("actor_critic.spawn_parameter_bounds.noise", MEMBER(environment.spawn.bounds[2]),
                   at_least(0), "range of the added length")
          .only_with(KeyNeed::kParameters),
      number_range("actor_critic.spawn_parameter_bounds.theta", MEMBER(environment.spawn.bounds[3]),
                   between(-3.1416, 3.1416), "range of the direction (rad)")
          .only_with(KeyNeed::kParameters),
      flag("actor_critic.simplicial_embedding.enabled", MEMBER(model.encoder.simplicial),
           "softmax over groups of token columns")
          .only_with(KeyNeed::kGraph),
      number("actor_critic.simplicial_embedding.num_groups",
             MEMBER(model.encoder.simplicial_groups), at_least(1), "number of those groups")
          .only_with(KeyNeed::kGraph),
      number("actor_critic.simplicial_embedding.temperature",
             MEMBER(model.encoder.simplicial_temperature), above(0), "of that softmax")
          .only_with(KeyNeed::kGraph),
  };
}

}  // namespace

Keys network_keys() {
  Keys all;
  for (Keys group : {observation_keys(), encoder_keys(), actor_critic_keys()}) {
    for (ConfigKey& key : group) all.push_back(std::move(key));
  }
  return all;
}

}  // namespace frost
