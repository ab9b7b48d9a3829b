#pragma once

#include <vector>

#include "kernels/memory_ledger.h"
#include "rl/ppo/ppo.h"
#include "tools/config/config.h"
#include "tools/lab/bench_workload.h"
#include "tools/lab/freeze_proof.h"

namespace frost {

/// One update of `network` on replayed episodes.
UpdateTiming replay_update(PolicyNetwork& network, Adam& optimizer,
                           const EnvironmentFactory& replay, const PpoConfig& ppo);

/// Bytes per tag that the second such update of the configured network peaks at, from a dry run. No
/// other network may be alive on the backend.
MemoryLedger::Bytes forecast_update(const Config& config, const EnvironmentFactory& replay,
                                    const PpoConfig& ppo);

/// Whether the forecast came true: to the byte for parameters, gradients, moments, cache and
/// rollout, within 5 % for what is saved and for the workspace.
std::vector<Claim> compare_forecast(const MemoryLedger::Bytes& forecast,
                                    const MemoryLedger::Bytes& measured);

}  // namespace frost
