#include "rl/evaluator.h"

#include <algorithm>

#include "rl/metrics.h"
#include "rl/policy.h"
#include "rl/ppo/minibatch.h"

namespace frost {
namespace {

struct Episode {
  std::unique_ptr<Environment> environment;
  std::uint64_t seed = 0;
  RandomStream stream;
  EpisodeRecord record;
  RewardVector rewards;
  bool running = true;
};

/// An episode whose reset has begun.
Episode begin_episode(const EnvironmentFactory& make, std::uint64_t seed, int k) {
  Episode e{make(),
            0,
            RandomStream(seed, StreamPurpose::kEvaluation, static_cast<std::uint32_t>(k)),
            {},
            {}};
  e.record.episode = k;
  const std::uint64_t high = e.stream.next_bits(), low = e.stream.next_bits();
  e.seed = (high << 32) | low;
  e.environment->begin_reset(e.seed);
  return e;
}

/// Finishes a step that has begun.
void step_episode(Episode& e, const Action& action,
                  const std::vector<EvaluationObserver*>& observers) {
  const int episode = static_cast<int>(e.record.episode);
  const StepResult result = e.environment->step(action);
  for (EvaluationObserver* o : observers) o->after_step(episode, *e.environment, result);
  e.rewards.resize(result.reward.size());
  for (std::size_t c = 0; c < e.rewards.size(); ++c) e.rewards[c] += result.reward[c];
  e.running = !result.done();
  if (e.running) return;
  e.record.episode_return = e.rewards[kTotal];
  e.record.steps = e.environment->episode_steps();
  e.record.progress = e.environment->progress();
  e.record.ending = result.ending_code();
  e.record.success = result.success;
}

}  // namespace

BatchPolicy network_policy(PolicyNetwork& network, bool deterministic) {
  return [&network, deterministic](const std::vector<const Environment*>& environments,
                                   const std::vector<RandomStream*>& streams) {
    std::vector<Observation> observations;
    std::vector<const Observation*> views;
    for (const Environment* e : environments) observations.push_back(e->observe());
    for (const Observation& o : observations) views.push_back(&o);
    std::vector<Action> actions;
    const ActionSpace& space = environments.front()->spec().actions;
    for (PolicyStep& step : act(network, views, streams, space, deterministic).steps) {
      actions.push_back(std::move(step.action));
    }
    return actions;
  };
}

BatchPolicy scripted_policy(const std::string& name) {
  return [name](const std::vector<const Environment*>& environments,
                const std::vector<RandomStream*>& streams) {
    std::vector<Action> actions;
    for (std::size_t i = 0; i < environments.size(); ++i) {
      actions.push_back(environments[i]->scripted_action(name, *streams[i]));
    }
    return actions;
  };
}

EvaluationResult evaluate_policy(const EnvironmentFactory& make, const BatchPolicy& policy,
                                 int count, std::uint64_t seed,
                                 const std::vector<EvaluationObserver*>& observers) {
  constexpr std::size_t kAtOnce = 64;
  EvaluationResult result;
  result.episodes.resize(static_cast<std::size_t>(count));
  result.rewards.resize(result.episodes.size());
  std::vector<Episode> live;  // an environment exists while its episode runs
  int next = 0;
  while (true) {
    const std::size_t going = live.size();
    while (live.size() < kAtOnce && next < count) live.push_back(begin_episode(make, seed, next++));
    for (std::size_t i = going; i < live.size(); ++i) live[i].environment->reset(live[i].seed);
    if (live.empty()) return result;
    std::vector<const Environment*> environments;
    std::vector<RandomStream*> streams;
    for (Episode& e : live) {
      environments.push_back(e.environment.get());
      streams.push_back(&e.stream);
    }
    const std::vector<Action> actions = policy(environments, streams);
    for (std::size_t i = 0; i < live.size(); ++i) {
      const Episode& e = live[i];
      const int episode = static_cast<int>(e.record.episode);
      for (EvaluationObserver* o : observers) o->before_step(episode, *e.environment, actions[i]);
      e.environment->begin_step(actions[i]);
    }
    for (std::size_t i = 0; i < live.size(); ++i) {
      Episode& e = live[i];
      step_episode(e, actions[i], observers);
      if (e.running) continue;
      const auto k = static_cast<std::size_t>(e.record.episode);
      result.episodes[k] = e.record;
      result.rewards[k] = e.rewards;
    }
    std::erase_if(live, [](const Episode& e) { return !e.running; });
  }
}

double EvaluationResult::success_rate() const {
  return summarise_episodes(episodes).success_rate;
}
double EvaluationResult::mean_progress() const {
  return summarise_episodes(episodes).mean_progress;
}
double EvaluationResult::mean_return() const {
  return summarise_episodes(episodes).mean_return;
}
double EvaluationResult::mean_steps() const {
  return summarise_episodes(episodes).mean_length;
}

RewardVector EvaluationResult::mean_rewards() const {
  RewardVector mean(rewards.empty() ? 0 : rewards.front().size());
  for (const RewardVector& episode : rewards) {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      mean[c] += episode[c] / static_cast<double>(rewards.size());
    }
  }
  return mean;
}

double EvaluationResult::median_success_steps() const {
  std::vector<double> steps;
  for (const EpisodeRecord& e : episodes) {
    if (e.success) steps.push_back(e.steps);
  }
  return median(std::move(steps));
}

}  // namespace frost
