#include "rl/minibatch.h"

namespace frost {
namespace {

/// The stage-2 half of a minibatch: log-probabilities of spawn parameters count for spawning cells.
void add_spawn_terms(Backend& backend, const std::vector<const Transition*>& transitions,
                     Minibatch& batch) {
  std::vector<std::int32_t> cell_offsets{0}, spawn_cells, state_offsets{0};
  std::vector<float> raw, old_logp;
  std::int32_t cell = 0;
  for (const Transition* t : transitions) {
    for (const std::int32_t decision : t->policy.action.decisions) {
      if (decision == kSpawnCell) spawn_cells.push_back(cell);
      cell_offsets.push_back(static_cast<std::int32_t>(spawn_cells.size()));
      ++cell;
    }
    raw.insert(raw.end(), t->policy.raw_spawn.begin(), t->policy.raw_spawn.end());
    old_logp.insert(old_logp.end(), t->policy.spawn_logp.begin(), t->policy.spawn_logp.end());
    state_offsets.push_back(static_cast<std::int32_t>(spawn_cells.size()));
  }
  if (spawn_cells.empty()) return;
  const auto n = static_cast<std::int64_t>(spawn_cells.size());
  batch.spawn_offsets = Tensor::from_host(backend, std::span<const std::int32_t>(cell_offsets));
  batch.spawn_cells = Tensor::from_host(backend, std::span<const std::int32_t>(spawn_cells));
  batch.raw_spawn = Tensor::from_host(backend, {n, ActorCritic::kSpawnParameters}, raw);
  batch.spawn_surrogate = batch.surrogate;
  batch.spawn_surrogate.offsets =
      Tensor::from_host(backend, std::span<const std::int32_t>(state_offsets));
  batch.spawn_surrogate.old_logp = Tensor::from_host(backend, {n}, old_logp);
}

}  // namespace

Minibatch make_minibatch(Backend& backend, const std::vector<const Transition*>& transitions,
                         const RunningNormalizer& normalizer, const PpoConfig& config,
                         EncoderConfig::TokenConnectivity connectivity) {
  std::vector<const GraphObservation*> observations;
  std::vector<std::int32_t> decisions;
  std::vector<float> old_logp, advantages, old_values, returns;
  for (const Transition* t : transitions) {
    observations.push_back(&t->observation);
    const std::vector<std::int32_t>& d = t->policy.action.decisions;
    decisions.insert(decisions.end(), d.begin(), d.end());
    old_logp.insert(old_logp.end(), t->policy.logp.begin(), t->policy.logp.end());
    advantages.push_back(static_cast<float>(t->advantage));
    for (std::size_t c = 0; c < kRewardComponents; ++c) {
      old_values.push_back(t->policy.values[c]);
      returns.push_back(static_cast<float>(normalizer.normalise(c, t->returns[c])));
    }
  }
  const std::vector<float> weights(config.component_weights.begin(),
                                   config.component_weights.end());
  const auto states = static_cast<std::int64_t>(transitions.size());
  const auto cells = static_cast<std::int64_t>(decisions.size());
  Minibatch batch;
  batch.graphs = make_graph_batch(backend, observations, connectivity);
  batch.decisions = Tensor::from_host(backend, std::span<const std::int32_t>(decisions));
  batch.surrogate = {batch.graphs.offsets, Tensor::from_host(backend, {cells}, old_logp),
                     Tensor::from_host(backend, {states}, advantages),
                     static_cast<float>(config.clip_epsilon), config.ratio};
  batch.value = {
      Tensor::from_host(backend, {states, kRewardComponents}, old_values),
      Tensor::from_host(backend, {states, kRewardComponents}, returns),
      Tensor::from_host(backend, {kRewardComponents}, weights),
      config.enable_value_clipping ? static_cast<float>(config.value_clip_epsilon) : 0.0f};
  if (config.spawn.continuous()) add_spawn_terms(backend, transitions, batch);
  return batch;
}

EntropyTerm entropy_term(double entropy, double weight, double floor, double penalty) {
  EntropyTerm term{-weight * entropy, -weight};
  if (entropy < floor) {
    term.loss += penalty * (floor - entropy);
    term.derivative -= penalty;
  }
  return term;
}

EpisodeSummary summarise_episodes(const std::vector<EpisodeRecord>& episodes) {
  EpisodeSummary s;
  const auto n = static_cast<double>(episodes.size());
  for (const EpisodeRecord& e : episodes) {
    s.mean_return += e.episode_return / n;
    s.mean_length += e.steps / n;
    s.success_rate += e.success() / n;
    s.mean_progress += e.progress / n;
  }
  return s;
}

RolloutSummary summarise_rollout(Rollout& rollout, const RunningNormalizer& normalizer) {
  RolloutSummary s;
  const std::vector<Transition*> all = rollout.flat();
  const auto n = static_cast<double>(all.size());
  double mean_return = 0, mean_error = 0;
  const auto error = [&](const Transition& t) {
    return t.returns[kTotal] - normalizer.denormalise(kTotal, t.policy.values[kTotal]);
  };
  for (const Transition* t : all) {
    s.cells_per_state += t->observation.num_nodes() / n;
    for (std::size_t c = 0; c < kRewardComponents; ++c) {
      s.mean_reward[c] += t->outcome.result.reward[c] / n;
    }
    mean_return += t->returns[kTotal] / n;
    mean_error += error(*t) / n;
  }
  double return_variance = 0, error_variance = 0;
  for (const Transition* t : all) {
    const double r = t->returns[kTotal] - mean_return, e = error(*t) - mean_error;
    return_variance += r * r / n;
    error_variance += e * e / n;
  }
  s.explained_variance = 1.0 - error_variance / (return_variance + 1e-8);
  return s;
}

}  // namespace frost
