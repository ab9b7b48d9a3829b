#pragma once

#include <string>

#include "engine/optim/adam.h"
#include "kernels/memory_ledger.h"
#include "models/policies/backbone_network.h"

namespace frost {

/// Parameter counts of one network, as reports and checks use them.
struct ParameterCounts {
  std::int64_t total = 0, trainable = 0;
  std::int64_t actor_body = 0, actor_body_trainable = 0, actor_rest = 0;
  std::int64_t critic_body = 0, critic_body_trainable = 0, critic_rest = 0;
  std::int64_t encoder = 0;

  std::int64_t frozen() const { return total - trainable; }
};
/// A body that both sides share counts as the actor's.
ParameterCounts count_parameters(const PolicyNetwork& network);

/// "23,053,458".
std::string with_thousands(std::int64_t n);

/// The report printed before training: adapter, freeze mode and what it freezes, totals, per side
/// body and rest, optimizer groups with their learning rates and counts, the ratio of the rates;
/// then `state_report`.
std::string parameter_report(PolicyNetwork& network, const Adam& optimizer);

/// What a state of pictures costs in a rollout: the bytes of its frames, and of the features that
/// are kept in their place. Empty for networks that see no pictures.
std::string state_report(BackboneNetwork& network);

/// One line per tag: live and peak MiB.
std::string memory_table(const MemoryLedger::Bytes& bytes);

/// Kernels by falling total time since profiling was enabled: calls, seconds, share. Says so where
/// the host does not wait for `backend`, so that only enqueueing was timed.
std::string kernel_profile(const Backend& backend);

}  // namespace frost
