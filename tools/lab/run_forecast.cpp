#include "tools/lab/run_forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "tools/cli/standard_output.h"
#include "tools/config/environments.h"
#include "tools/lab/bench_workload.h"
#include "tools/lab/freeze_verification.h"
#include "tools/lab/memory_forecast.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/step_rates.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

constexpr double kProbeSeconds = 5;

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// An update of so many steps of each environment.
UpdateTiming probe_update(Trainer& trainer, int steps_each) {
  Rollout rollout(trainer.environments().size(), steps_each, trainer.network().frames());
  UpdateTiming timing;
  const auto start = std::chrono::steady_clock::now();
  trainer.ppo().collect(rollout);
  timing.collect_seconds = since(start);
  trainer.ppo().learn(rollout);
  timing.learn_seconds = since(start) - timing.collect_seconds;
  return timing;
}

/// What one minibatch takes says how many fit into the time; it also is the warm-up, and counts
/// only where no more fits.
StepRates probe_rates(Trainer& trainer) {
  const auto start = std::chrono::steady_clock::now();
  const PpoConfig& ppo = trainer.config().ppo;
  const int most = ppo.rollout_steps / ppo.num_envs;
  const int minibatch = std::min(most, (ppo.minibatch_size + ppo.num_envs - 1) / ppo.num_envs);
  const UpdateTiming first = probe_update(trainer, minibatch);
  const double seconds = first.collect_seconds + first.learn_seconds;
  const double fitting = std::floor((kProbeSeconds - seconds) / seconds);
  if (fitting < 1) return step_rates(minibatch * ppo.num_envs, first);
  const auto each = static_cast<int>(std::min<double>(most, fitting * minibatch));
  UpdateTiming all;
  int updates = 0;
  do {
    const UpdateTiming one = probe_update(trainer, each);
    all.collect_seconds += one.collect_seconds;
    all.learn_seconds += one.learn_seconds;
    ++updates;
  } while (since(start) + (all.collect_seconds + all.learn_seconds) / updates < kProbeSeconds);
  return step_rates(updates * each * ppo.num_envs, all);
}

/// What is held does not depend on which pictures are seen, so few stand for all. Empty for
/// vectors, of which next to nothing is held.
std::string memory_forecast(const Config& config) {
  constexpr int kPictures = 16;  // of each environment
  if (model_config(config).observation == ObservationKind::kVector) return "";
  BenchWorkload workload;
  workload.environments = config.ppo.num_envs;
  workload.steps = config.ppo.rollout_steps;
  workload.image_size = config.environment.image_size;
  if (!has_own_section(config)) {
    workload.steps = std::min(workload.steps, kPictures * workload.environments);
  }
  const auto records = record_workload(workload, config, config.model.observation);
  return fmt::format("predicted for {} environments, {} steps, minibatches of {}: {}",
                     config.ppo.num_envs, config.ppo.rollout_steps, config.ppo.minibatch_size,
                     memory_table(forecast_update(config, replay_factory(records), config.ppo)));
}

void print_forecast(Config config, bool with_network) {
  config.ppo.enable_kl_early_stop = false;
  const std::string memory = memory_forecast(config);  // bears no other network beside it
  Trainer trainer(config, false);
  if (with_network) {
    print_setup(trainer.setup());
    print_out("{}", parameter_report(trainer.network(), trainer.optimizer()));
  }
  print_out("{}", memory);
  flush_output();
  const std::int64_t steps = std::int64_t{config.ppo.total_updates} *
                             (config.ppo.rollout_steps / config.ppo.num_envs * config.ppo.num_envs);
  print_out("forecast: {}\n", forecast_text(probe_rates(trainer), steps));
}

}  // namespace

int forecast_run(const Config& config) {
  print_forecast(config, true);
  return 0;
}

void print_forecast(const Config& config) {
  print_forecast(config, false);
}

}  // namespace frost
