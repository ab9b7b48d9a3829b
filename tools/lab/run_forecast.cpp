#include "tools/lab/run_forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "rl/policy.h"
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

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Updates of a run's shape but for the length of their rollouts.
class Probe {
 public:
  explicit Probe(Trainer& trainer)
      : trainer_(trainer), ppo_(trainer.config().ppo), whole_(ppo_.rollout_steps / ppo_.num_envs) {}

  /// What one minibatch takes says how many fit into `seconds`; it is the warm-up as well, and
  /// counts only where no more fits.
  StepRates measure(double seconds) {
    const int minibatch =
        std::min(whole_, (ppo_.minibatch_size + ppo_.num_envs - 1) / ppo_.num_envs);
    update(minibatch);
    const double first = spent();
    const double fitting = std::floor((seconds - first) / first);
    if (fitting >= 1) {
      const auto each = static_cast<int>(std::min<double>(whole_, fitting * minibatch));
      timing_ = {};
      updates_ = steps_ = 0;
      do {
        update(each);
      } while (first + spent() + spent() / updates_ < seconds);
    }
    return of_whole_updates();
  }

 private:
  double spent() const { return timing_.collect_seconds + timing_.learn_seconds; }

  /// Of so many steps of each environment.
  void update(int steps_each) {
    Rollout rollout(ppo_.num_envs, steps_each, trainer_.network().frames());
    timing_.collect_seconds += seconds_of([&] { trainer_.ppo().collect(rollout); });
    timing_.learn_seconds += seconds_of([&] { trainer_.ppo().learn(rollout); });
    steps_ += steps_each;
    ++updates_;
  }

  /// The states behind a rollout are valued once, however long it is.
  StepRates of_whole_updates() const {
    const double valuing = seconds_of(
        [&] { state_values(trainer_.network(), trainer_.environments().observations()); });
    const double times = static_cast<double>(whole_) / steps_;
    const double learning = std::max(0.0, timing_.learn_seconds - updates_ * valuing);
    return step_rates(static_cast<double>(whole_) * ppo_.num_envs,
                      {timing_.collect_seconds * times, learning * times + valuing});
  }

  Trainer& trainer_;
  const PpoConfig& ppo_;
  int whole_;  ///< steps of each environment in an update of the run
  UpdateTiming timing_;
  int updates_ = 0, steps_ = 0;
};

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

/// Updates in one freeze mode.
struct Stage {
  Config config;
  std::int64_t begin = 0, end = 0;
};

std::vector<Stage> stages_of(Config config) {
  const std::vector<FreezeStep> schedule = std::exchange(config.model.backbone.freeze_schedule, {});
  config.ppo.enable_kl_early_stop = false;
  std::vector<Stage> stages{{config, 0, config.ppo.total_updates}};
  for (const FreezeStep& step : schedule) {
    config.model.backbone.freeze_mode = step.freeze_mode;
    config.model.backbone.backbone_lr = step.backbone_lr;
    stages.back().end = std::min<std::int64_t>(step.update, config.ppo.total_updates);
    stages.push_back({config, stages.back().end, config.ppo.total_updates});
  }
  std::erase_if(stages, [](const Stage& stage) { return stage.begin == stage.end; });
  return stages;
}

/// Prints it and returns the seconds of the stage.
double print_stage(const Stage& stage, bool with_network) {
  const Config& config = stage.config;
  const std::string memory = memory_forecast(config);  // bears no other network beside it
  Trainer trainer(config, false);
  if (with_network) {
    print_setup(trainer.setup());
    print_out("{}", parameter_report(trainer.network(), trainer.optimizer()));
  }
  print_out("{}", memory);
  flush_output();
  const std::int64_t steps = (stage.end - stage.begin) *
                             (config.ppo.rollout_steps / config.ppo.num_envs * config.ppo.num_envs);
  const StepRates rates = Probe(trainer).measure(kProbeSeconds);
  print_out("forecast: {}{}\n", forecast_text(rates, steps),
            config.run.eval_every > 0 ? ", evaluations apart" : "");
  return static_cast<double>(steps) / rates.overall;
}

void print_forecast(const Config& config, bool with_network) {
  const std::vector<Stage> stages = stages_of(config);
  double seconds = 0;
  for (const Stage& stage : stages) {
    if (stages.size() > 1) {
      print_out("updates {} to {}, freeze mode {}:\n", stage.begin + 1, stage.end,
                stage.config.model.backbone.freeze_mode);
    }
    seconds += print_stage(stage, with_network);
  }
  if (stages.size() > 1) print_out("forecast of all: about {}\n", duration_text(seconds));
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
