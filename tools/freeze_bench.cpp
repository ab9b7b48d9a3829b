#include "tools/freeze_bench.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/status.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/byte_stream.h"
#include "rl/envs/durotaxis/durotaxis.h"
#include "tools/freeze_proof.h"
#include "tools/report.h"
#include "tools/trainer.h"

namespace frost {
namespace {

Recording record_colony(const DurotaxisConfig& config, int steps, RandomStream& seeds) {
  Durotaxis environment(config);
  Recording recording;
  for (bool running = false; static_cast<int>(recording.size()) < steps;) {
    if (!running) environment.reset(seeds.next_bits());
    RecordedStep step;
    step.observation = environment.observe();
    step.result = environment.step(half_delete_policy(environment.colony()));
    running = !step.result.done();
    recording.push_back(std::move(step));
  }
  StepResult& last = recording.back().result;
  last.terminated = true;
  last.truncated = false;
  return recording;
}

/// PPO over replayed colonies; `steps` and `epochs` may be less than the workload's to warm up.
class ReplayTraining {
 public:
  ReplayTraining(ActorCritic& network, Adam& optimizer, const std::vector<Recording>& recordings,
                 PpoConfig config, std::uint64_t seed)
      : environments_(
            [&recordings, i = std::size_t{0}]() mutable {
              return std::make_unique<ReplayEnvironment>(recordings[i++]);
            },
            static_cast<int>(recordings.size()), seed),
        ppo_(network, optimizer, environments_, config, seed) {}

  UpdateTiming update() {
    ppo_.update();
    return ppo_.timing();
  }

 private:
  VectorEnvironment environments_;
  Ppo ppo_;
};

PpoConfig ppo_of(const Config& config, const BenchWorkload& workload) {
  PpoConfig ppo = config.ppo;
  ppo.num_envs = workload.environments;
  ppo.rollout_steps = workload.steps;
  ppo.update_epochs = workload.epochs;
  ppo.minibatch_size = workload.minibatch;
  ppo.enable_kl_early_stop = false;
  return ppo;
}

/// One untimed minibatch of the measured shapes, so that kernels and packed weights are ready.
PpoConfig warm_up_of(PpoConfig ppo) {
  ppo.rollout_steps = std::min(ppo.rollout_steps, ppo.minibatch_size);
  ppo.update_epochs = 1;
  return ppo;
}

void measure(const Config& config, const BenchWorkload& workload,
             const std::vector<Recording>& recordings, BenchRow& row) {
  Config with_mode = config;
  with_mode.model.backbone.freeze_mode = row.mode;
  const NetworkSetup setup = build_network(with_mode, true);
  ActorCritic& network = *setup.network;
  Adam optimizer(network.param_groups());
  MemoryLedger& ledger = setup.backend->ledger();
  const PpoConfig ppo = ppo_of(config, workload);
  ReplayTraining(network, optimizer, recordings, warm_up_of(ppo), config.system.seed).update();

  ReplayTraining training(network, optimizer, recordings, ppo, config.system.seed);
  ledger.reset_peaks();
  const UpdateTiming t = training.update();
  row.bytes = ledger.snapshot();
  const ParameterCounts counts = count_parameters(network);
  row.trainable = counts.trainable;
  row.frozen = counts.frozen();
  row.saved_body = saved_body_bytes(network.actor());
  const double steps = workload.steps;
  row.runs.push_back({steps / t.collect_seconds, steps / t.learn_seconds,
                      steps / (t.collect_seconds + t.learn_seconds)});
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

std::string BenchWorkload::text() const {
  return fmt::format(
      "{} environments, {} steps, {} epochs, minibatches of {} states, {} cells per colony "
      "replayed "
      "from half_delete on the linear field m = 0.05, no KL stop, {} repetitions",
      environments, steps, epochs, minibatch, cells, repetitions);
}

std::vector<Recording> record_colonies(const BenchWorkload& workload, std::uint64_t seed) {
  DurotaxisConfig config;
  config.substrate.m = 0.05;
  config.init_num_nodes = workload.cells;
  std::vector<Recording> recordings;
  for (int i = 0; i < workload.environments; ++i) {
    RandomStream seeds(seed, StreamPurpose::kLayout, static_cast<std::uint32_t>(i));
    recordings.push_back(record_colony(config, workload.steps / workload.environments, seeds));
  }
  return recordings;
}

StepResult ReplayEnvironment::step(const JointAction& action) {
  const RecordedStep& now = recording_[next_];
  if (static_cast<int>(action.decisions.size()) != now.observation.num_nodes()) {
    fail("replay", fmt::format("{} decisions for {} cells", action.decisions.size(),
                               now.observation.num_nodes()));
  }
  next_ = (next_ + 1) % recording_.size();
  ++steps_;
  return now.result;
}

std::vector<std::uint8_t> ReplayEnvironment::save_state() const {
  StateWriter writer;
  writer.put<std::uint64_t>(next_);
  writer.put(steps_);
  return writer.take();
}

void ReplayEnvironment::load_state(const std::vector<std::uint8_t>& state) {
  StateReader reader("replay", state);
  const auto next = reader.get<std::uint64_t>();
  const auto steps = reader.get<int>();
  reader.expect_end();
  if (next >= recording_.size()) fail("replay", "the state lies beyond the end of the recording");
  next_ = next;
  steps_ = steps;
}

StepRates BenchRow::median() const {
  return pick_rates(runs, [](const std::vector<double>& sorted) {
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
  });
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

std::vector<std::string> distinct_freeze_modes() {
  std::vector<std::string> names;
  std::vector<const FreezeMode*> kept;
  for (const FreezeMode& mode : freeze_modes()) {
    const bool alias = std::any_of(kept.begin(), kept.end(), [&](const FreezeMode* other) {
      return other->trains == mode.trains;
    });
    if (alias) continue;
    kept.push_back(&mode);
    names.emplace_back(mode.name);
  }
  return names;
}

std::vector<BenchRow> bench_freeze(const Config& config, const std::vector<std::string>& modes,
                                   const BenchWorkload& workload,
                                   const std::function<void(const std::string&)>& tell) {
  const std::vector<Recording> recordings = record_colonies(workload, config.system.seed);
  std::vector<BenchRow> rows;
  for (const std::string& mode : modes) {
    BenchRow row;
    row.mode = find_freeze_mode(mode).name;
    rows.push_back(std::move(row));
  }
  for (int repetition = 1; repetition <= workload.repetitions; ++repetition) {
    for (BenchRow& row : rows) {
      measure(config, workload, recordings, row);
      const StepRates& r = row.runs.back();
      tell(fmt::format("{}/{} {:<13} {:>7.1f} steps/s collecting, {:>7.1f} learning", repetition,
                       workload.repetitions, row.mode, r.collect, r.update));
    }
  }
  return rows;
}

}  // namespace frost
