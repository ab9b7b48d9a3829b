#pragma once

#include <vector>

#include "engine/optim/adam.h"
#include "models/config.h"
#include "models/freeze.h"
#include "models/graph_transformer.h"
#include "models/resnet18.h"

namespace frost {

/// One side of the network: tokens -> 24x24 images -> ResNet18 body -> trunk of `hidden` columns.
class BodyBranch : public Module {
 public:
  BodyBranch(Backend& backend, std::int64_t token_dim, const ActorCriticConfig& config);

  /// tokens [n, token_dim] -> [n, hidden]. The body runs in chunks, so that its transient buffers
  /// do not grow with the number of cells.
  Tensor forward(const Tensor& tokens);
  void initialize(RandomStream& random, bool with_body);

  static constexpr std::int64_t kImageSide = 24;
  static constexpr std::int64_t kChunk = 256;

  Linear feature_proj;
  ResNet18 body;
  Linear trunk;
  LayerNorm trunk_norm;
};

/// What the policy and value functions say about a batch of colonies.
struct ActorCriticOutput {
  Tensor logits;  ///< [nodes, 2]: spawn, delete
  Tensor values;  ///< [graphs, 6], in units of the normalised returns
  Tensor spawn;   ///< [nodes, 8]: mean and log deviation of the raw spawn parameters, if asked for
};

/// The durotaxis network (docs/durotaxis.md, "Actor and critic"): shared graph encoder, actor per
/// cell, critic per colony, each with its own ResNet18 body under one freeze mode.
class ActorCritic : public Module {
 public:
  ActorCritic(Backend& backend, const ActorCriticConfig& config);

  /// The spawn parameters are computed only where `with_spawn` says so (stage 2).
  ActorCriticOutput forward(const GraphBatch& batch, bool with_spawn);
  /// The critic alone: [graphs, 6].
  Tensor values(const GraphBatch& batch);
  /// Random weights; the bodies' only `with_bodies`, else they must be loaded.
  void initialize(RandomStream& random, bool with_bodies = true);
  void load_bodies(const StateDict& imagenet);
  void set_freeze_mode(const FreezeMode& mode);
  const FreezeMode& freeze_mode() const { return *mode_; }

  /// `backbone`, `heads`, `encoder` with their base rates; the trainable tensors only.
  std::vector<ParamGroup> param_groups() const;

  const ActorCriticConfig& config() const { return config_; }
  Backend& backend() const { return spawn_bias_.backend(); }
  BodyBranch& actor() { return actor_; }
  BodyBranch& critic() { return critic_; }
  const BodyBranch& actor() const { return actor_; }
  const BodyBranch& critic() const { return critic_; }

  static constexpr std::int64_t kActions = 2, kSpawnParameters = 4, kValueComponents = 6;

 private:
  Tensor critic_values(const GraphBatch& batch, const Tensor& tokens);

  ActorCriticConfig config_;
  const FreezeMode* mode_;
  GraphTransformer encoder_;
  BodyBranch actor_;
  Linear discrete_, mu_, logstd_;
  Tensor spawn_bias_;
  BodyBranch critic_;
  Linear value_heads_;
};

}  // namespace frost
