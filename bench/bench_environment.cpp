#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "rl/envs/durotaxis/durotaxis.h"

// What an environment step costs on one core, observation and resets included, at a constant
// population: every step a random half of the cells is deleted and the other half spawns, which
// keeps N.
namespace frost {
namespace {

constexpr int kEpisode = 64;      // steps until the colony starts over, before it reaches the goal
constexpr int kActionCount = 16;  // prepared joint actions

DurotaxisConfig bench_config(RewardMode mode) {
  DurotaxisConfig config;
  config.substrate.m = 0.05;
  config.substrate.width = 2000;
  config.threshold_critical_nodes = 1000;
  config.consecutive_left_moves_limit = kEpisode;
  config.reward.centroid_distance_only = mode == RewardMode::kDistance;
  config.reward.simple_delete_only = mode == RewardMode::kDeleteOnly;
  return config;
}

std::vector<Action> half_spawn_actions(int cells, RandomStream& stream) {
  std::vector<Action> actions(kActionCount);
  for (Action& action : actions) {
    action.decisions.assign(static_cast<std::size_t>(cells), kSpawnCell);
    for (int deletes = 0; deletes < cells / 2;) {
      auto& decision = action.decisions[stream.below(static_cast<std::uint32_t>(cells))];
      deletes += decision == kSpawnCell;
      decision = kDeleteCell;
    }
  }
  return actions;
}

void step_and_observe(benchmark::State& state, RewardMode mode) {
  const auto cells = static_cast<int>(state.range(0));
  DurotaxisConfig config = bench_config(mode);
  config.init_num_nodes = cells;
  Durotaxis environment(config);
  RandomStream stream(1, StreamPurpose::kSampling);
  const std::vector<Action> actions = half_spawn_actions(cells, stream);
  std::uint64_t episode = 0;
  int steps = kEpisode;
  for (auto _ : state) {
    if (steps == kEpisode) {
      environment.reset(++episode);
      steps = 0;
    }
    const StepResult result = environment.step(actions[episode % kActionCount]);
    benchmark::DoNotOptimize(environment.observe());
    if (result.done()) state.SkipWithError("the episode ended early");
    ++steps;
  }
  state.SetItemsProcessed(state.iterations());
}

void distance_mode(benchmark::State& state) {
  step_and_observe(state, RewardMode::kDistance);
}

void normal_mode(benchmark::State& state) {
  step_and_observe(state, RewardMode::kNormal);
}

BENCHMARK(distance_mode)->Arg(20)->Arg(100)->Arg(500);
BENCHMARK(normal_mode)->Arg(20)->Arg(100)->Arg(500);

}  // namespace
}  // namespace frost

BENCHMARK_MAIN();
