#include "tools/lab/freeze_verification.h"

#include <fmt/format.h>
#include <algorithm>
#include "engine/dry_run.h"
#include "engine/io/atomic_file.h"
#include "tools/cli/standard_output.h"
#include "tools/lab/freeze_proof.h"
#include "tools/lab/memory_forecast.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

/// The smallest update that still is a real one; returns what it changed.
std::string shorten(PpoConfig& ppo) {
  constexpr int kEnvironments = 8, kStepsEach = 8, kMinibatches = 4;
  ppo.num_envs = std::min(ppo.num_envs, kEnvironments);
  ppo.rollout_steps = kStepsEach * ppo.num_envs;
  ppo.minibatch_size = ppo.rollout_steps / kMinibatches;
  ppo.update_epochs = 1;
  ppo.enable_kl_early_stop = false;
  // Clipping may leave all of a minibatch without a gradient.
  constexpr double kNoClipping = 1e6;
  ppo.clip_epsilon = kNoClipping;
  if (ppo.value_loss == ValueLossKind::kClipped) ppo.value_loss = ValueLossKind::kSquared;
  return fmt::format(
      "one update, shortened: {} steps of {} environments, 1 epoch of {} minibatches of {} states, "
      "no KL stop, nothing clipped",
      ppo.rollout_steps, ppo.num_envs, kMinibatches, ppo.minibatch_size);
}

void print_expected(const ExpectedCounts& expected) {
  print_out(
      "expected from the architecture: total {}, trainable {}, bodies {} and {} ({} and {} "
      "trainable), heads {}, encoder {}\n",
      with_thousands(expected.total()), with_thousands(expected.trainable()),
      with_thousands(expected.actor.parameters), with_thousands(expected.critic.parameters),
      with_thousands(expected.actor.trainable), with_thousands(expected.critic.trainable),
      with_thousands(expected.heads), with_thousands(expected.encoder));
}

/// States of constant size, replayed, so that bytes do not depend on what the policy does.
std::vector<RecordedEpisodes> record_for(const Config& config, const PpoConfig& ppo) {
  BenchWorkload workload;
  workload.environments = ppo.num_envs;
  workload.steps = ppo.rollout_steps;
  workload.image_size = config.environment.image_size;
  return record_workload(workload, config, config.model.observation);
}

void print_claims(const std::vector<Claim>& claims) {
  for (const Claim& c : claims) {
    print_out("{:<6} {} ({})\n", c.holds ? "holds" : "FAILS", c.statement, c.finding);
  }
}

}  // namespace

void print_setup(const NetworkSetup& setup) {
  print_out("device: {}\n", setup.device);
  for (const std::string& line : {setup.weights, setup.mapping}) {
    if (!line.empty()) print_out("weights: {}\n", line);
  }
}

int verify_freezing(Config config, const std::string& json, bool quiet) {
  const std::string shortened = shorten(config.ppo);
  const std::vector<RecordedEpisodes> records = record_for(config, config.ppo);
  const MemoryLedger::Bytes predicted =
      forecast_update(config, replay_factory(records), config.ppo);
  Trainer trainer(config, false);
  PolicyNetwork& network = trainer.network();
  if (!quiet) print_setup(trainer.setup());
  print_out("{}", parameter_report(network, trainer.optimizer()));
  print_expected(expected_counts(network.config()));
  print_out("{}\n", shortened);
  if (!quiet) print_out("predicted {}", memory_table(predicted));
  flush_output();

  const FreezeProof proof(network, trainer.optimizer());
  reset_memory_peaks(trainer.backend());
  replay_update(network, trainer.optimizer(), replay_factory(records), config.ppo);
  const MemoryLedger::Bytes bytes = memory_of(trainer.backend());
  std::vector<Claim> claims = proof.verify();
  for (Claim& claim : compare_forecast(predicted, bytes)) claims.push_back(std::move(claim));

  if (!json.empty()) {
    write_file_atomically(
        json, freeze_proof_json(network, trainer.optimizer(), predicted, bytes, claims));
  }
  if (!quiet) {
    print_out("measured {}", memory_table(bytes));
    if (BackboneNetwork* bodies = find_backbone(network)) {
      print_out("saved bytes per image: actor body {:.0f}, critic body {:.0f}\n",
                saved_body_bytes(*bodies, bodies->actor_body()),
                saved_body_bytes(*bodies, bodies->critic_body()));
    }
  }
  print_claims(claims);
  const auto failed =
      std::count_if(claims.begin(), claims.end(), [](const Claim& c) { return !c.holds; });
  print_out("{} of {} claims hold\n", claims.size() - static_cast<std::size_t>(failed),
            claims.size());
  return failed == 0 ? 0 : 1;
}

}  // namespace frost
