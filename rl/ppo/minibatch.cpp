#include "rl/ppo/minibatch.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "rl/ppo/gae.h"

namespace frost {
namespace {

/// The continuous half of a minibatch: log-probabilities of raw samples count for active rows.
void add_continuous(Backend& backend, const std::vector<const Transition*>& transitions,
                    const ActionSpace& space, Minibatch& batch) {
  const bool by_choice = space.enabling_choice != ActionSpace::kAlways;
  std::vector<float> raw, old_logp;
  std::vector<std::int32_t> row_offsets{0}, active_rows, state_offsets{0};
  std::int32_t row = 0;
  for (const Transition* t : transitions) {
    for (const std::int32_t decision : t->policy.action.decisions) {
      if (decision == space.enabling_choice) active_rows.push_back(row);
      row_offsets.push_back(static_cast<std::int32_t>(active_rows.size()));
      ++row;
    }
    raw.insert(raw.end(), t->policy.raw.begin(), t->policy.raw.end());
    old_logp.insert(old_logp.end(), t->policy.raw_logp.begin(), t->policy.raw_logp.end());
    state_offsets.push_back(static_cast<std::int32_t>(old_logp.size()));
  }
  if (old_logp.empty()) return;
  if (by_choice && batch.states.padded_rows > 0) {
    // What repeats row 0 at the end belongs to no state.
    const auto rows = static_cast<std::size_t>(batch.states.padded_rows);
    row_offsets.resize(rows + 1, row_offsets.back());
    const std::size_t samples = std::bit_ceil(std::max<std::size_t>(8, old_logp.size()));
    active_rows.resize(samples);
    raw.resize(samples * static_cast<std::size_t>(space.dims()));
    old_logp.resize(samples);
  }
  const auto n = static_cast<std::int64_t>(old_logp.size());
  batch.raw = Tensor::from_host(backend, {n, space.dims()}, raw);
  if (by_choice) {
    batch.active_offsets = Tensor::from_host(backend, std::span<const std::int32_t>(row_offsets));
    batch.active_rows = Tensor::from_host(backend, std::span<const std::int32_t>(active_rows));
  }
  batch.continuous = batch.discrete;
  batch.continuous.offsets =
      Tensor::from_host(backend, std::span<const std::int32_t>(state_offsets));
  batch.continuous.old_logp = Tensor::from_host(backend, {n}, old_logp);
}

StateBatch batch_states(PolicyNetwork& network, const Rollout& rollout,
                        const std::vector<const Transition*>& transitions, std::int64_t rows,
                        BatchPadding padding = BatchPadding::kNone) {
  if (rollout.features().defined()) {
    return make_feature_batch(rollout.features_of(transitions), rows);
  }
  std::vector<const Observation*> observations;
  for (const Transition* t : transitions) observations.push_back(&t->observation);
  return network.make_batch(observations, padding);
}

}  // namespace

std::vector<double> sum_statistics(PolicyNetwork& network, const Rollout& rollout,
                                   int minibatch_size, std::int64_t rows, const Shards& shards) {
  const std::vector<const Transition*> all = rollout.flat();
  const auto size = static_cast<std::size_t>(minibatch_size);
  return shards.sum([&](int shard) {
    std::vector<double> sums;
    const auto [first, last] = shards.range(shard, all.size());
    for (std::size_t begin = first; begin < last; begin += size) {
      const auto at = [&](std::size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
      const std::vector<double> of_batch = network.statistics_of(
          batch_states(network, rollout, {at(begin), at(std::min(begin + size, last))}, rows));
      sums.resize(of_batch.size());
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += of_batch[i];
    }
    return sums;
  });
}

std::vector<Tensor*> Minibatch::tensors() {
  GraphBatch& g = states.graphs;
  return {&g.node_features,
          &g.graph_features,
          &g.edge_features,
          &g.index.target_offsets,
          &g.index.source,
          &g.index.source_offsets,
          &g.index.edge_of_source,
          &g.index.target,
          &g.offsets,
          &g.graph_of_node,
          &g.action_mask,
          &states.images,
          &states.vectors,
          &states.features,
          &states.row_offsets,
          &states.action_mask,
          &states.shared_offsets,
          &states.shared_rows,
          &decisions,
          &discrete.offsets,
          &discrete.old_logp,
          &discrete.advantage,
          &raw,
          &active_offsets,
          &active_rows,
          &continuous.offsets,
          &continuous.old_logp,
          &continuous.advantage,
          &value.old_values,
          &value.returns,
          &value.weights};
}

Minibatch make_minibatch(PolicyNetwork& network, const Rollout& rollout,
                         const std::vector<const Transition*>& transitions,
                         const RunningNormalizer& normalizer, const PpoConfig& config,
                         const EnvironmentSpec& spec, const std::optional<Spread>& spread) {
  Backend& backend = network.backend();
  const auto components = static_cast<std::size_t>(network.value_components());
  std::vector<std::int32_t> decisions;
  std::vector<double> advantages;
  std::vector<float> old_logp, old_values, returns;
  for (const Transition* t : transitions) {
    const std::vector<std::int32_t>& d = t->policy.action.decisions;
    decisions.insert(decisions.end(), d.begin(), d.end());
    old_logp.insert(old_logp.end(), t->policy.logp.begin(), t->policy.logp.end());
    advantages.push_back(t->advantage);
    for (std::size_t c = 0; c < components; ++c) {
      old_values.push_back(t->policy.values[c]);
      returns.push_back(static_cast<float>(normalizer.normalise(c, t->returns[c])));
    }
  }
  if (config.advantage_normalization == AdvantageNormalization::kMinibatch) {
    standardise(advantages, spread ? *spread : spread_of(advantages));
  }
  const std::span<const double> weights = std::span(spec.reward_weights).first(components);
  const ActionSpace& space = spec.actions;
  const auto states = static_cast<std::int64_t>(transitions.size());
  const Shape value_shape{states, network.value_components()};
  const BatchPadding padding =
      config.record_minibatches ? BatchPadding::kBuckets : preferred_padding(backend);
  Minibatch batch;
  batch.states = batch_states(network, rollout, transitions, space.rows, padding);
  if (batch.states.padded_rows > 0) {
    decisions.resize(static_cast<std::size_t>(batch.states.padded_rows));
    old_logp.resize(decisions.size());
  }
  const auto rows = static_cast<std::int64_t>(decisions.size());
  batch.discrete = {batch.states.row_offsets, Tensor::from_host(backend, {rows}, old_logp),
                    Tensor::from_host(backend, {states},
                                      std::vector<float>(advantages.begin(), advantages.end())),
                    static_cast<float>(config.clip_epsilon), config.ratio};
  if (space.choices > 0) {
    batch.decisions = Tensor::from_host(backend, std::span<const std::int32_t>(decisions));
  }
  batch.value = {
      Tensor::from_host(backend, value_shape, old_values),
      Tensor::from_host(backend, value_shape, returns),
      Tensor::from_host(backend, {value_shape[1]},
                        std::vector<float>(weights.begin(), weights.end())),
      config.value_loss,
      static_cast<float>(config.value_loss == ValueLossKind::kHuber ? config.value_huber_delta
                                                                    : config.value_clip_epsilon)};
  if (space.dims() > 0) add_continuous(backend, transitions, space, batch);
  return batch;
}

ShardedStates own_states(const std::vector<const Transition*>& all,
                         std::span<const std::size_t> samples, const Shards& shards) {
  const auto rank = static_cast<std::size_t>(shards.communicator().rank());
  const std::size_t each = samples.size() / static_cast<std::size_t>(shards.total());
  const std::size_t skipped = rank * static_cast<std::size_t>(shards.count()) * each;
  ShardedStates states(static_cast<std::size_t>(shards.count()));
  for (std::size_t shard = 0; shard < states.size(); ++shard) {
    for (const std::size_t sample : samples.subspan(skipped + shard * each, each)) {
      states[shard].push_back(all[sample - rank * all.size()]);
    }
  }
  return states;
}

std::vector<Minibatch> make_minibatches(PolicyNetwork& network, const Rollout& rollout,
                                        const ShardedStates& states,
                                        const RunningNormalizer& normalizer,
                                        const PpoConfig& config, const EnvironmentSpec& spec,
                                        const Shards& shards) {
  std::optional<Spread> spread;
  if (config.advantage_normalization == AdvantageNormalization::kMinibatch) {
    std::vector<double> advantages;
    for (const auto& of_shard : states) {
      for (const Transition* t : of_shard) advantages.push_back(t->advantage);
    }
    spread = spread_of(advantages, shards);
  }
  std::vector<Minibatch> parts;
  for (const auto& of_shard : states) {
    parts.push_back(make_minibatch(network, rollout, of_shard, normalizer, config, spec, spread));
  }
  return parts;
}

EpisodeSummary summarise_episodes(const std::vector<EpisodeRecord>& episodes) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (episodes.empty()) return {kNone, kNone, kNone, kNone};
  EpisodeSummary s;
  const auto n = static_cast<double>(episodes.size());
  for (const EpisodeRecord& e : episodes) {
    s.mean_return += e.episode_return / n;
    s.mean_length += e.steps / n;
    s.success_rate += e.success / n;
    s.mean_progress += e.progress / n;
  }
  return s;
}

RolloutSummary summarise_rollout(Rollout& rollout, const RunningNormalizer& normalizer,
                                 const Shards& shards) {
  const std::vector<Transition*> all = rollout.flat();
  const auto n = static_cast<double>(shards.overall(all.size()));
  const auto mean = [&](const auto& of) {
    return shards.sum_items(all.size(), [&](std::size_t i) { return of(*all[i]) / n; });
  };
  const auto variance = [&](const auto& of) {
    const double middle = mean(of);
    return mean([&](const Transition& t) { return (of(t) - middle) * (of(t) - middle); });
  };
  RolloutSummary s;
  s.state_size =
      mean([](const Transition& t) { return static_cast<double>(t.outcome.result.size); });
  s.mean_reward.resize(all.front()->outcome.result.reward.size());
  for (std::size_t c = 0; c < s.mean_reward.size(); ++c) {
    s.mean_reward[c] = mean([&](const Transition& t) { return t.outcome.result.reward[c]; });
  }
  const double error_variance = variance([&](const Transition& t) {
    return t.returns[kTotal] - normalizer.denormalise(kTotal, t.policy.values[kTotal]);
  });
  const double return_variance = variance([](const Transition& t) { return t.returns[kTotal]; });
  s.explained_variance = 1.0 - error_variance / (return_variance + 1e-8);
  return s;
}

}  // namespace frost
