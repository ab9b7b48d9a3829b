#pragma once

#include <array>
#include <memory>
#include <string>

#include "engine/io/preprocessing.h"
#include "models/policies/backbone_network.h"
#include "rl/communicator/shards.h"
#include "rl/evaluator.h"
#include "rl/ppo/ppo.h"
#include "tools/config/config.h"
#include "tools/config/environments.h"
#include "weights/safetensors.h"

namespace frost {

/// A network as the configuration asks for it, on its backend.
struct NetworkSetup {
  Backend* backend = nullptr;
  std::unique_ptr<PolicyNetwork> network;
  std::string device;           ///< what it runs on and why
  std::string weights;          ///< where the bodies' weights came from; empty where there are none
  std::string mapping;          ///< what was made of their file; empty where nothing need be said
  std::string licence;          ///< of the weights, as their file says; mostly empty
  Preprocessing preprocessing;  ///< of the pictures the bodies see
};

/// The network's part of the configuration, completed by what the environment asks for.
ActorCriticConfig model_config(const Config& config);

/// Applies the configured thread budget, precision and determinism.
void configure_for(const Config& config, Backend& backend);

/// Chooses the backend and thread budget and builds the network. With `pretrained` false the
/// bodies stay random, for a checkpoint to fill. Throws Error where weights are missing or damaged.
NetworkSetup build_network(const Config& config, bool pretrained);

/// All parameters and buffers under `network.<name>`, in the engine's layouts.
void save_network(const PolicyNetwork& network, StateDict& state);
/// Gives a network the tensors of a checkpoint and the preprocessing they were trained with. Throws
/// Error naming what is missing, superfluous or misshapen.
void load_network(NetworkSetup& setup, const SafetensorsFile& checkpoint);

/// Everything a training run consists of, built from one configuration.
class Trainer {
 public:
  /// With `resuming`, pretrained weights are not needed: the checkpoint holds them. Of several
  /// processes, each has its share of the environments and the network of rank 0; all make the same
  /// calls. Throws UsageError where `trainer.shards` is too few for them.
  Trainer(const Config& config, bool resuming, Communicator& communicator = alone());

  const Config& config() const { return config_; }
  const NetworkSetup& setup() const { return setup_; }
  PolicyNetwork& network() { return *setup_.network; }
  /// The network where it has backbones; throws UsageError where it has none.
  BackboneNetwork& backbone() { return require_backbone(*setup_.network); }
  Backend& backend() { return *setup_.backend; }
  Adam& optimizer() { return *optimizer_; }
  Ppo& ppo() { return *ppo_; }
  VectorEnvironment& environments() { return *environments_; }
  Communicator& communicator() const { return *communicator_; }

  /// Of the environment's library, as `library_sha256`.
  const std::string& library_sha256() const { return library_sha256_; }

  /// Whether episodes can succeed.
  bool has_goal() const { return environments_->spec().has_goal; }

  /// Enters the freeze mode that the schedule has for the next update. Returns what changed, for
  /// the run log; empty where nothing does.
  std::string follow_freeze_schedule();

  /// Evaluates the sampled policy on the configured held-out seeds; true if it is the best so far,
  /// compared by success rate, then progress, then return; by return alone where
  /// there is no goal. Rank 0 does it alone, and has the result.
  bool evaluate_and_rank(EvaluationResult& result);

  /// Of all processes on rank 0.
  SafetensorsFile checkpoint() const;
  /// Throws Error with one line on any mismatch.
  void restore(const SafetensorsFile& checkpoint);

 private:
  void share_network();

  Communicator* communicator_;
  Config config_;
  NetworkSetup setup_;
  std::unique_ptr<Adam> optimizer_;
  std::unique_ptr<VectorEnvironment> environments_;
  std::string library_sha256_;
  std::unique_ptr<Ppo> ppo_;
  void enter_freeze_mode(const std::string& mode, double backbone_lr);
  void restore_freeze_mode(const SafetensorsFile& checkpoint);

  std::array<double, 3> best_{-1e300, -1e300, -1e300};
};

}  // namespace frost
