// The environment of line.h in a program of one's own, learned by PPO. Prints the mean return of
// the first and of the last of 30 updates. line_plugin.cpp makes a library of it for bin/train.
#include <frostline/engine/optim/adam.h>
#include <frostline/kernels/backend_registry.h>
#include <frostline/models/policies/policy_factory.h>
#include <frostline/rl/network_config.h>
#include <frostline/rl/ppo/ppo.h>

#include <cstdio>

#include "line.h"

int main() {
  frost::PpoConfig config;
  config.total_updates = 30, config.rollout_steps = 512;
  frost::VectorEnvironment lines([] { return std::make_unique<Line>(); }, config.num_envs, 0);
  const auto network =
      frost::make_policy_network(frost::cpu_backend(), frost::fit_to_environment({}, lines.spec()));
  frost::RandomStream random(0, frost::StreamPurpose::kInit);
  network->initialize(random, false);
  frost::Adam adam(network->param_groups());
  frost::Ppo ppo(*network, adam, lines, config, 0);
  const double before = ppo.update().at("charts/episodic_return");
  double after = before;
  while (ppo.updates() < config.total_updates) after = ppo.update().at("charts/episodic_return");
  std::printf("mean return %.4f, after %lld updates %.4f\n", before,
              static_cast<long long>(ppo.updates()), after);
  return after > before ? 0 : 1;
}
