#include "tools/lab/freeze_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/dry_run.h"
#include "kernels/errors.h"
#include "rl/metrics.h"
#include "rl/ppo/ppo.h"
#include "tools/lab/freeze_proof.h"
#include "tools/lab/memory_forecast.h"
#include "tools/reports/parameter_report.h"
#include "tools/reports/process_memory.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

PpoConfig ppo_of(const BenchSettings& settings) {
  PpoConfig ppo = settings.config.ppo;
  ppo.num_envs = settings.workload.environments;
  ppo.rollout_steps = settings.workload.steps;
  ppo.update_epochs = settings.workload.epochs;
  ppo.minibatch_size = settings.workload.minibatch;
  ppo.enable_kl_early_stop = false;
  ppo.record_minibatches = settings.workload.graphs;
  return ppo;
}

/// One untimed minibatch of the measured shapes, so that kernels and packed weights are ready.
PpoConfig warm_up_of(PpoConfig ppo) {
  const int states = std::min(ppo.rollout_steps, ppo.minibatch_size);
  ppo.rollout_steps = (states + ppo.num_envs - 1) / ppo.num_envs * ppo.num_envs;
  ppo.update_epochs = 1;
  return ppo;
}

Config config_of(const BenchSettings& settings, const BenchCase& what) {
  Config config = settings.config;
  config.model.observation = what.observation;
  config.model.body = what.mode == kImpalaRow ? kImpalaRow : "resnet";
  if (what.mode != kImpalaRow) config.model.backbone.freeze_mode = what.mode;
  config.environment.image_size = settings.workload.image_size;
  if (what.plain) config.model.backbone.savings = settings.plain;
  return config;
}

/// One more measurement of a row. Returns where the bodies' weights came from.
std::string measure(const BenchSettings& settings, const std::vector<RecordedEpisodes>& records,
                    BenchRow& row) {
  const NetworkSetup setup = build_network(config_of(settings, row.what), true);
  PolicyNetwork& network = *setup.network;
  Adam optimizer(network.param_groups());
  if (settings.workload.graphs && !setup.backend->records()) {
    throw UsageError("--graphs needs a device that records work, not " +
                     setup.backend->description());
  }
  const PpoConfig ppo = ppo_of(settings);
  const EnvironmentFactory replay = replay_factory(records);
  VectorEnvironment environments(replay, ppo.num_envs, 0);
  Ppo training(network, optimizer, environments, ppo, 0);
  if (ppo.record_minibatches) {
    // Recordings go with the learner that made them; what is timed should make no more, as far as
    // the shapes of its minibatches have come up.
    constexpr int kMostUpdates = 4;
    std::size_t made = 0;
    for (int i = 0; i < kMostUpdates && (i == 0 || training.gradient_step().recordings() > made);
         ++i) {
      made = training.gradient_step().recordings();
      training.update();
    }
  } else {
    replay_update(network, optimizer, replay, warm_up_of(ppo));
  }

  reset_memory_peaks(*setup.backend);
  const bool resident_known = reset_peak_resident();
  const std::size_t replayed_before = training.gradient_step().replays();
  if (settings.count) {
    row.counts = count_update(training, network, optimizer, environments, ppo);
    row.counts->precision = settings.config.system.precision;
  } else {
    training.update();
  }
  row.replays = training.gradient_step().replays() - replayed_before;
  row.bytes = memory_of(*setup.backend);
  row.peak_resident = resident_known ? peak_resident_bytes() : 0;
  const ParameterCounts counts = count_parameters(network);
  row.trainable = counts.trainable;
  row.frozen = counts.frozen();
  if (BackboneNetwork* bodies = find_backbone(network)) {
    row.saved_body = saved_body_bytes(*bodies, bodies->actor_body());
    row.work = body_work(*bodies, ppo.update_epochs);
  }
  row.runs.push_back(step_rates(settings.workload.steps, training.timing()));
  return setup.weights + (setup.mapping.empty() ? "" : "; " + setup.mapping);
}

/// `body_work` of one body, the prefix's owner `side`.
double side_work(BackboneNetwork& network, const ResNet& body, std::size_t side, int epochs) {
  const FreezeSavings& savings = network.config().backbone.savings;
  FrozenPrefix* prefix = network.prefix();
  const int prefix_units = prefix == nullptr ? 0 : prefix->units(side);
  bool gradient_below = network.trains_below_bodies();
  double work = 0;
  for (int unit = 0; unit < body.units(); ++unit) {
    bool trains = false;
    for (const ConvWork& conv : body.unit_work(unit, network.body_input())) {
      if (unit < prefix_units) {
        const bool run_for_actor = side > 0 && prefix->shared();
        work += run_for_actor ? 0 : conv.multiplications * (savings.cache ? 1 : 1 + epochs);
        continue;
      }
      const int per_epoch = 1 + (gradient_below || trains) + conv.needs_weight_gradient;
      work += conv.multiplications * (1 + epochs * per_epoch);
      trains = trains || conv.trains;
    }
    gradient_below = gradient_below || trains;
  }
  return work;
}

/// `pick` chooses one number of each column of rates.
template <class Pick>
StepRates pick_rates(const std::vector<StepRates>& runs, const Pick& pick) {
  const auto column = [&](double StepRates::*field) {
    std::vector<double> values;
    for (const StepRates& r : runs) values.push_back(r.*field);
    std::sort(values.begin(), values.end());
    return pick(values);
  };
  return {column(&StepRates::collect), column(&StepRates::update), column(&StepRates::overall)};
}

}  // namespace

StepRates BenchRow::median() const {
  return pick_rates(runs, frost::median);
}
StepRates BenchRow::least() const {
  return pick_rates(runs, [](const std::vector<double>& sorted) { return sorted.front(); });
}
StepRates BenchRow::most() const {
  return pick_rates(runs, [](const std::vector<double>& sorted) { return sorted.back(); });
}

bool BenchRow::exact() const {
  return bytes.live_of(MemoryTag::kGradients) == 4 * trainable &&
         bytes.peak_of(MemoryTag::kGradients) == 4 * trainable &&
         bytes.live_of(MemoryTag::kOptimizer) == 8 * trainable &&
         bytes.peak_of(MemoryTag::kOptimizer) == 8 * trainable;
}

std::string BenchRow::limit(const BenchRow& base) const {
  return work > 0 && base.work > 0 ? fmt::format("{:.2f}", base.work / work) : "-";
}

std::int64_t BenchRow::training_bytes() const {
  std::int64_t sum = 0;
  for (const MemoryTag tag :
       {MemoryTag::kGradients, MemoryTag::kOptimizer, MemoryTag::kSaved, MemoryTag::kFeatureCache,
        MemoryTag::kRollout, MemoryTag::kWorkspace}) {
    sum += bytes.peak_of(tag);
  }
  return sum;
}

double body_work(BackboneNetwork& network, int epochs) {
  return side_work(network, network.actor_body(), 0, epochs) +
         side_work(network, network.critic_body(), 1, epochs);
}

const BenchRow* base_of(const std::vector<BenchRow>& rows, const BenchRow& row) {
  for (const BenchRow& r : rows) {
    const bool base = r.what.mode == "none" && !r.what.plain;
    if (base && r.what.observation == row.what.observation) return &r;
  }
  return nullptr;
}

std::vector<BenchRow> bench_freeze(const BenchSettings& settings,
                                   const std::function<void(const std::string&)>& tell) {
  std::map<ObservationKind, std::vector<RecordedEpisodes>> records;
  for (const BenchCase& what : settings.cases) {
    if (records.contains(what.observation)) continue;
    records[what.observation] =
        record_workload(settings.workload, settings.config, what.observation);
  }
  std::vector<BenchRow> rows;
  for (const BenchCase& what : settings.cases) {
    BenchRow row;
    row.what = what;
    rows.push_back(std::move(row));
  }
  for (int repetition = 1; repetition <= settings.workload.repetitions; ++repetition) {
    for (BenchRow& row : rows) {
      const std::string weights = measure(settings, records.at(row.what.observation), row);
      if (repetition == 1 && &row == &rows.front()) tell("weights: " + weights);
      const StepRates& r = row.runs.back();
      tell(fmt::format("{}/{} {} {:<13} {:<6} {:>8.1f} steps/s collecting, {:>8.1f} learning",
                       repetition, settings.workload.repetitions, to_string(row.what.observation),
                       row.what.mode, row.what.plain ? "plain" : "", r.collect, r.update));
    }
  }
  return rows;
}

const char* to_string(ObservationKind kind) {
  return kind == ObservationKind::kImage ? "image" : "graph";
}

}  // namespace frost
