#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "engine/io/atomic_file.h"
#include "tools/cli.h"
#include "tools/freeze_proof.h"
#include "tools/program.h"
#include "tools/report.h"
#include "tools/trainer.h"

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
  return fmt::format(
      "one update, shortened: {} steps of {} environments, 1 epoch of {} minibatches of {} states, "
      "no KL stop",
      ppo.rollout_steps, ppo.num_envs, kMinibatches, ppo.minibatch_size);
}

void print_expected(const ExpectedCounts& expected) {
  fmt::print(
      "expected from the architecture: total {}, trainable {}, each body {} ({} trainable), "
      "heads {}, encoder {}\n",
      with_thousands(expected.total()), with_thousands(expected.trainable()),
      with_thousands(expected.body), with_thousands(expected.body_trainable),
      with_thousands(expected.heads), with_thousands(expected.encoder));
}

int verify_freezing(Config config, const std::string& json, bool quiet) {
  const std::string shortened = shorten(config.ppo);
  Trainer trainer(config, false);
  MemoryLedger& ledger = trainer.backend().ledger();
  if (!quiet) fmt::print("{}\n{}\n", trainer.setup().device_line, trainer.setup().weights_line);
  fmt::print("{}", parameter_report(trainer.network(), trainer.optimizer()));
  print_expected(expected_counts(config.model));
  fmt::print("{}\n", shortened);
  std::fflush(stdout);

  const FreezeProof proof(trainer.network(), trainer.optimizer());
  ledger.reset_peaks();
  trainer.ppo().update();
  const MemoryLedger::Bytes bytes = ledger.snapshot();
  const std::vector<Claim> claims = proof.verify();

  if (!quiet) {
    fmt::print("{}", memory_table(bytes));
    BackboneNetwork& network = trainer.network();
    fmt::print("saved bytes per image: actor body {:.0f}, critic body {:.0f}\n",
               saved_body_bytes(network, network.actor_body()),
               saved_body_bytes(network, network.critic_body()));
  }
  for (const Claim& c : claims) {
    fmt::print("{:<6} {} ({})\n", c.holds ? "holds" : "FAILS", c.statement, c.finding);
  }
  if (!json.empty()) {
    write_file_atomically(json,
                          freeze_proof_json(trainer.network(), trainer.optimizer(), bytes, claims));
  }
  const auto failed =
      std::count_if(claims.begin(), claims.end(), [](const Claim& c) { return !c.holds; });
  fmt::print("{} of {} claims hold\n", claims.size() - static_cast<std::size_t>(failed),
             claims.size());
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] {
    CLI::App app("Reports what a configuration freezes, then proves it on one real update.",
                 "verify_freezing");
    std::string config, json;
    frost::CommonOptions common;
    app.add_option("CONFIG", config, "configuration file")->required();
    app.add_option("--json", json, "write counts, groups, bytes and claims");
    frost::add_common_options(app, common);
    if (!frost::parse_arguments(app, argc, argv)) return 0;
    return frost::verify_freezing(frost::load_config(config, common), json, common.quiet);
  });
}
