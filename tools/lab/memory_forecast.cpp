#include "tools/lab/memory_forecast.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/dry_run.h"
#include "kernels/backend_registry.h"
#include "models/policies/policy_factory.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

constexpr double kTolerance = 0.05;

bool comes_true(MemoryTag tag, std::int64_t forecast, std::int64_t measured) {
  const bool nearly = tag == MemoryTag::kSaved || tag == MemoryTag::kWorkspace;
  if (!nearly) return forecast == measured;
  return std::abs(static_cast<double>(forecast - measured)) <=
         kTolerance * static_cast<double>(measured);
}

}  // namespace

UpdateTiming replay_update(PolicyNetwork& network, Adam& optimizer,
                           const EnvironmentFactory& replay, const PpoConfig& ppo) {
  VectorEnvironment environments(replay, ppo.num_envs, 0);
  Ppo training(network, optimizer, environments, ppo, 0);
  training.update();
  return training.timing();
}

MemoryLedger::Bytes forecast_update(const Config& config, const EnvironmentFactory& replay,
                                    const PpoConfig& ppo) {
  std::string reason;
  Backend& backend = select_backend(config.system.device, reason);
  configure_for(config, backend);
  return forecast_memory(backend, [&] {
    const std::shared_ptr<PolicyNetwork> network =
        make_policy_network(backend, model_config(config));
    const auto optimizer = std::make_shared<Adam>(network->param_groups());
    return [=, &replay, &ppo] { replay_update(*network, *optimizer, replay, ppo); };
  });
}

std::vector<Claim> compare_forecast(const MemoryLedger::Bytes& forecast,
                                    const MemoryLedger::Bytes& measured) {
  std::vector<Claim> claims;
  for (const MemoryTag tag :
       {MemoryTag::kParameters, MemoryTag::kGradients, MemoryTag::kOptimizer,
        MemoryTag::kFeatureCache, MemoryTag::kRollout, MemoryTag::kSaved, MemoryTag::kWorkspace}) {
    const std::int64_t said = forecast.peak_of(tag), found = measured.peak_of(tag);
    claims.push_back({fmt::format("the dry run predicted the bytes of '{}'",
                                  kMemoryTagNames[static_cast<std::size_t>(tag)]),
                      fmt::format("{} of {}", with_thousands(found), with_thousands(said)),
                      comes_true(tag, said, found)});
  }
  return claims;
}

}  // namespace frost
