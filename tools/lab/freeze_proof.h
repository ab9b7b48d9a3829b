#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/optim/adam.h"
#include "kernels/memory_ledger.h"
#include "models/policies/backbone_network.h"

namespace frost {

/// Parameter counts a configuration must lead to, computed from dimensions, torchvision's tensor
/// list and the freeze table, without a network (docs/networks.md, "Freezing").
struct ExpectedCounts {
  struct Body {
    std::int64_t parameters = 0, trainable = 0;
    std::int64_t statistics = 0;  ///< running means and variances
  };

  Body actor, critic;      ///< one that both share is the actor's
  std::int64_t heads = 0;  ///< everything else behind the encoder
  std::int64_t encoder = 0;

  std::int64_t total() const { return actor.parameters + critic.parameters + heads + encoder; }
  std::int64_t trainable() const { return actor.trainable + critic.trainable + heads + encoder; }
};
ExpectedCounts expected_counts(const ActorCriticConfig& config);

/// Exact bytes of gradients (4 per trainable parameter) and of Adam's moments (8 per trainable
/// parameter), and what the backend's ledger holds.
struct TrainingBytes {
  std::int64_t gradients_expected, gradients, optimizer_expected, optimizer;

  bool exact() const { return gradients == gradients_expected && optimizer == optimizer_expected; }
};
/// The network must be the only one with gradients or moments on its backend.
TrainingBytes training_bytes(const PolicyNetwork& network);

/// Bytes the tape keeps per image inside one body of the network, counting what passes gradient to
/// something that trains below it.
double saved_body_bytes(const BackboneNetwork& network, ResNet& body);

/// The most a wholly frozen body may keep per image of this side: one bit per ReLU output and one
/// byte per max-pool output.
std::int64_t frozen_body_saved_bytes(const ResNetSpec& spec, std::int64_t side);

/// A statement about a network, what was found, and whether it held.
struct Claim {
  std::string statement, finding;
  bool holds = false;
};

/// Proves on a real update that frozen is frozen: construct, update, `verify`.
class FreezeProof {
 public:
  /// Remembers a digest of every tensor. Both must outlive this object.
  FreezeProof(PolicyNetwork& network, const Adam& optimizer);

  /// What holds now, after at least one optimizer step; gradients of the last step must be there.
  std::vector<Claim> verify() const;

 private:
  /// Of networks with ResNet bodies alone.
  std::vector<Claim> verify_bodies() const;
  Claim unchanged(const char* statement, const std::vector<NamedTensor>& tensors) const;
  Claim counts_as_expected() const;
  Claim gradient_arrives(const std::string& prefix) const;
  Claim no_gradient_when_frozen() const;
  /// Only where the network has a prefix that is not empty.
  Claim kept_features_equal_recomputed() const;
  Claim moved(const ParamGroup& group) const;

  PolicyNetwork& network_;
  BackboneNetwork* bodies_;  ///< the same, or null
  const Adam& optimizer_;
  std::map<std::string, std::string> digests_;  ///< sha256 by tensor name
};

/// Counts, groups, predicted and measured peak bytes, and the claims, as JSON.
std::string freeze_proof_json(PolicyNetwork& network, const Adam& optimizer,
                              const MemoryLedger::Bytes& predicted,
                              const MemoryLedger::Bytes& bytes, const std::vector<Claim>& claims);

}  // namespace frost
