#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace frost {

/// The graph transformer (docs/networks.md, "Encoder").
struct EncoderConfig {
  enum class TokenConnectivity { kNone, kIn, kBoth };

  /// Widths of the three kinds of features; set from the environment.
  int node_features = 11, graph_features = 19, edge_features = 3;
  int hidden_dim = 128;
  int out_dim = 128;  ///< divisible by `num_heads`
  int num_layers = 4;
  int num_heads = 4;
  TokenConnectivity token_connectivity = TokenConnectivity::kBoth;
  bool simplicial = true;  ///< softmax over groups of columns
  int simplicial_groups = 16;
  double simplicial_temperature = 1.0;
};

/// What the agent sees: a graph, a picture or a vector.
enum class ObservationKind { kGraph, kImage, kVector };

/// What freezing is made to pay by; each can be turned off to see what it brings
/// (`bench_freeze --plain`).
struct FreezeSavings {
  bool folding = true;    ///< BatchNorm and ReLU inside the convolution, sign bits instead of maps
  bool cache = true;      ///< features of a frozen prefix kept over the epochs
  bool dead_taps = true;  ///< weights that only ever meet padding left out of the arithmetic
  bool sharing = true;    ///< one prefix for actor and critic while their weights are equal
};

/// A later freeze mode: from this update on, counted from 0.
struct FreezeStep {
  std::int64_t update = 0;
  std::string freeze_mode;
  double backbone_lr = 0;
};

/// The ResNet bodies, of actor and of critic, and what of them trains.
struct BackboneConfig {
  std::string architecture = "resnet18";        ///< resnet_names()
  std::string pretrained_weights = "imagenet";  ///< imagenet | random
  std::string weights_path;                     ///< empty: the documented search order
  std::string preprocessing = "weights";        ///< of pictures: weights | torchvision
  std::string input_adapter = "repeat3";        ///< repeat3 | 1ch_conv
  std::string tap = "pooled";                   ///< resnet_tap_names(): where the bodies end
  std::string tap_head = "pool";                ///< pool | flatten: what becomes of their map
  std::string freeze_mode = "all";
  double backbone_lr = 1e-4;
  std::vector<FreezeStep> freeze_schedule;  ///< by rising update
  FreezeSavings savings;
  /// Of the critic's body, where it is another one than the actor's.
  std::string critic_architecture = kSame;
  std::string critic_weights_path;  ///< empty: the actor's file, or the search for `critic()`

  static constexpr const char* kSame = "same";
  const std::string& critic() const {
    return critic_architecture == kSame ? architecture : critic_architecture;
  }
};

/// Pictures as the network is given them; all but the last set from the environment.
struct PictureInput {
  int height = 84, width = 84;
  int channels = 1;  ///< 1 or 3
  int frames = 1;    ///< pictures of a state
  int values = 0;    ///< beside them
  /// Whether the trunks get, of every frame but the newest, the change to the next one.
  bool frame_difference = false;
};

struct ActorCriticConfig {
  ObservationKind observation = ObservationKind::kGraph;
  /// What looks at pictures: resnet, two of them as `backbone` says | impala, one from scratch.
  std::string body = "resnet";
  PictureInput picture;
  /// Of the observation and the action space, and what the critic predicts: these are set from the
  /// environment.
  int vector_size = 0, rows = 1, choices = 2, continuous_dims = 0;
  /// Width of the continuous heads of networks with bodies, at least `continuous_dims`: what lies
  /// behind those is there from the start, so that a stage of training may add it, and idle.
  int continuous_heads = 4;
  /// Whether the deviation of a continuous action of networks of pictures is a head; else it is one
  /// parameter per dimension.
  bool state_dependent_std = true;
  /// Whether the trunks of networks of pictures read their columns standardised.
  bool standardize_features = false;
  int value_components = 1;             ///< value heads of the critic, one per reward
  std::vector<int> mlp_hidden{64, 64};  ///< tanh layers of the network of vector observations
  EncoderConfig encoder;
  BackboneConfig backbone;
  double head_lr = 3e-4;           ///< learning rate of all but the bodies
  int hidden_dim = 128;            ///< width of the trunks
  double first_choice_bias = 0.2;  ///< initial logit bias of a node's first choice
};

}  // namespace frost
