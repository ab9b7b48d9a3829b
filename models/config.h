#pragma once

#include <string>

namespace frost {

/// The graph transformer (docs/durotaxis.md, "Encoder").
struct EncoderConfig {
  enum class TokenConnectivity { kNone, kIn, kBoth };

  int node_features = 11;  ///< 12 where marks are observed; set from the environment
  int hidden_dim = 128;
  int out_dim = 128;  ///< divisible by `num_heads`
  int num_layers = 4;
  int num_heads = 4;
  double dropout = 0.0;  ///< PPO compares old and new log-probabilities, so off by default
  TokenConnectivity token_connectivity = TokenConnectivity::kBoth;
  bool simplicial = true;  ///< softmax over groups of columns
  int simplicial_groups = 16;
  double simplicial_temperature = 1.0;
};

/// The ResNet18 bodies and what of them trains.
struct BackboneConfig {
  std::string pretrained_weights = "imagenet";  ///< imagenet | random
  std::string weights_path;                     ///< empty: the documented search order
  std::string input_adapter = "repeat3";        ///< repeat3 | 1ch_conv
  std::string freeze_mode = "all";
  double backbone_lr = 1e-4;
  double head_lr = 3e-4;
};

struct ActorCriticConfig {
  EncoderConfig encoder;
  BackboneConfig backbone;
  int hidden_dim = 128;          ///< width of the trunks
  double dropout_rate = 0.0;     ///< of the trunks
  double spawn_bias_init = 0.2;  ///< initial logit bias of `spawn`
};

}  // namespace frost
