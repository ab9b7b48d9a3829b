#include "rl/ppo/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "engine/launch.h"
#include "engine/ops.h"
#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "rl/ppo/gae.h"

namespace frost {
namespace {

std::size_t bytes_of(const Transition& t) {
  std::size_t bytes = sizeof(Transition);
  const auto add = [&](const char*, const auto& array) { bytes += array.size() * sizeof array[0]; };
  for_each_array(t, add);
  for_each_array(t.observation, add);
  for_each_array(t.outcome.final_observation, add);
  return bytes;
}

/// Transitions are host memory, whatever the device of the network.
MemoryLedger& host_ledger() {
  return cpu_backend().ledger();
}

using Values = std::vector<float>;

/// V(s_{t+1}) for every transition of one environment, in normalised units; zeros where terminated.
std::vector<Values> next_values(const std::vector<Transition>& steps, const Values& after_last,
                                std::vector<Values>::const_iterator& truncated) {
  std::vector<Values> next(steps.size(), Values(after_last.size()));
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const StepResult& result = steps[t].outcome.result;
    if (result.truncated) {
      next[t] = *truncated++;
    } else if (!result.terminated) {
      next[t] = t + 1 < steps.size() ? steps[t + 1].policy.values : after_last;
    }
  }
  return next;
}

/// What one component gave in one environment, in units of the reward.
std::vector<GaeStep> gae_steps(const std::vector<Transition>& steps,
                               const std::vector<Values>& next, std::size_t component,
                               const RunningNormalizer& normalizer) {
  std::vector<GaeStep> sequence(steps.size());
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const StepResult& result = steps[t].outcome.result;
    sequence[t] = {result.reward[component],
                   normalizer.denormalise(component, steps[t].policy.values[component]),
                   result.terminated ? 0.0 : normalizer.denormalise(component, next[t][component]),
                   result.done()};
  }
  return sequence;
}

/// Which components gave any reward in this rollout.
std::vector<bool> components_earned(const Rollout& rollout, std::size_t components,
                                    const Shards& shards) {
  const std::vector<const Transition*> all = rollout.flat();
  const std::vector<double> earned = shards.sum([&](int shard) {
    std::vector<double> times(components);
    const auto [begin, end] = shards.range(shard, all.size());
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t c = 0; c < components; ++c) {
        times[c] += all[i]->outcome.result.reward[c] != 0;
      }
    }
    return times;
  });
  return {earned.begin(), earned.end()};
}

/// What the critic says of states, in batches that do not depend on the number of processes:
/// `states` holds those of each own shard.
std::vector<Values> values_by_shard(PolicyNetwork& network,
                                    const std::vector<std::vector<const Observation*>>& states) {
  std::vector<Values> all;
  for (const std::vector<const Observation*>& of_shard : states) {
    std::vector<Values> values = state_values(network, of_shard);
    std::move(values.begin(), values.end(), std::back_inserter(all));
  }
  return all;
}

/// The states in which episodes were truncated, of each own shard.
std::vector<std::vector<const Observation*>> cut_states(const std::vector<const Transition*>& all,
                                                        const Shards& shards) {
  std::vector<std::vector<const Observation*>> cut;
  for (int shard = 0; shard < shards.count(); ++shard) {
    cut.emplace_back();
    const auto [begin, end] = shards.range(shard, all.size());
    for (std::size_t i = begin; i < end; ++i) {
      const VectorStep& outcome = all[i]->outcome;
      if (outcome.result.truncated) cut.back().push_back(&outcome.final_observation);
    }
  }
  return cut;
}

std::vector<std::vector<const Observation*>> split(const std::vector<const Observation*>& all,
                                                   const Shards& shards) {
  std::vector<std::vector<const Observation*>> parts;
  for (int shard = 0; shard < shards.count(); ++shard) {
    const auto [begin, end] = shards.range(shard, all.size());
    parts.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(begin),
                       all.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return parts;
}

}  // namespace

Rollout::Rollout(int environments, int steps, int frames)
    : capacity_(steps), frames_(frames), by_environment_(static_cast<std::size_t>(environments)) {}

Rollout::~Rollout() {
  host_ledger().remove(MemoryTag::kRollout, bytes_);
}

std::vector<float> Rollout::log_probabilities() const {
  std::vector<float> all;
  for (const Transition* transition : flat()) {
    const PolicyStep& step = transition->policy;
    all.insert(all.end(), step.logp.begin(), step.logp.end());
    all.insert(all.end(), step.raw_logp.begin(), step.raw_logp.end());
  }
  return all;
}

void Rollout::clear() {
  for (std::vector<Transition>& steps : by_environment_) steps.clear();
  features_ = {};
  host_ledger().remove(MemoryTag::kRollout, bytes_);
  bytes_ = 0;
}

void Rollout::add(std::vector<Transition> transitions, const Tensor& features,
                  std::uint64_t prefix_id, std::size_t first) {
  const auto environments = static_cast<std::int64_t>(by_environment_.size());
  const auto t = static_cast<std::int64_t>(by_environment_[first].size());
  if (features.defined()) {
    if (!features_.defined()) {
      features_ = Tensor::empty(features.backend(),
                                {environments * rows_per_environment(), features.dim(1) / frames_},
                                MemoryTag::kFeatureCache);
      prefix_id_ = prefix_id;
    }
    require_prefix(prefix_id);
    keep_features(features, t, static_cast<std::int64_t>(first));
  }
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    Transition& transition = transitions[i];
    std::vector<Transition>& earlier = by_environment_[first + i];
    if (features.defined()) {
      transition.observation = {};
      transition.feature_row =
          static_cast<std::int64_t>(first + i) * rows_per_environment() + frames_ - 1 + t;
      transition.earlier_frames = frames_ - 1;
      if (t > 0) {  // an episode begins with nothing but its first frame
        const Transition& before = earlier.back();
        transition.earlier_frames =
            before.outcome.result.done()
                ? 0
                : std::min<std::int64_t>(before.earlier_frames + 1, frames_ - 1);
      }
    }
    const std::size_t bytes = bytes_of(transition);
    host_ledger().add(MemoryTag::kRollout, bytes);
    bytes_ += bytes;
    earlier.push_back(std::move(transition));
  }
}

void Rollout::keep_features(const Tensor& features, std::int64_t step, std::int64_t first) {
  const std::int64_t width = features_.dim(1), all = features.dim(1), earlier = all - width;
  const std::int64_t environments = features.dim(0), run = rows_per_environment() * width;
  const auto copy = [&](std::int64_t columns, const float* from, float* to) {
    features_.backend().rows().copy_rows(environments, columns, from, all,
                                         {to, GradMode::kOverwrite}, run);
  };
  launch("keep_features", [&] {
    float* const to = features_.data() + first * run;
    if (step == 0 && earlier > 0) copy(earlier, features.data(), to);
    copy(width, features.data() + earlier, to + earlier + step * width);
  });
}

Tensor Rollout::features_of(const std::vector<const Transition*>& transitions) const {
  std::vector<std::int32_t> rows;
  for (const Transition* t : transitions) {
    for (std::int64_t back = frames_ - 1; back >= 0; --back) {
      rows.push_back(static_cast<std::int32_t>(t->feature_row - std::min(back, t->earlier_frames)));
    }
  }
  const Tensor index = Tensor::from_host(features_.backend(), std::span<const std::int32_t>(rows));
  return gather_rows(features_, index)
      .reshape({static_cast<std::int64_t>(transitions.size()), frames_ * features_.dim(1)});
}

void Rollout::require_prefix(std::uint64_t prefix_id) const {
  if (features_.defined() && prefix_id != prefix_id_) {
    fail("rollout",
         "the frozen prefix changed after its features were kept; collect a new rollout");
  }
}

std::size_t Rollout::size() const {
  std::size_t n = 0;
  for (const auto& steps : by_environment_) n += steps.size();
  return n;
}

std::vector<Transition*> Rollout::flat() {
  std::vector<Transition*> all;
  for (auto& steps : by_environment_) {
    for (Transition& t : steps) all.push_back(&t);
  }
  return all;
}

std::vector<const Transition*> Rollout::flat() const {
  std::vector<const Transition*> all;
  for (const auto& steps : by_environment_) {
    for (const Transition& t : steps) all.push_back(&t);
  }
  return all;
}

void Rollout::set_estimates(Estimates estimates) {
  const std::vector<Transition*> all = flat();
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i]->returns = std::move(estimates.returns[i]);
    all[i]->advantage = estimates.advantages[i];
  }
}

void require_finite_rewards(const Rollout& rollout, const EnvironmentSpec& spec) {
  if (rollout.size() == 0) return;
  for (std::size_t e = 0; e < rollout.by_environment().size(); ++e) {
    const RewardVector& reward = rollout.by_environment()[e].back().outcome.result.reward;
    for (std::size_t c = 0; c < reward.size(); ++c) {
      if (std::isfinite(reward[c])) continue;
      throw NotFiniteError(
          fmt::format("[ppo] the reward '{}' of environment {} ({}) in step {} of the rollout is "
                      "{}: it must be finite",
                      spec.reward_names[c], e, spec.name, rollout.steps(), reward[c]));
    }
  }
}

Estimates estimate_advantages(const Rollout& rollout, PolicyNetwork& network,
                              const std::vector<const Observation*>& next_observations,
                              const RunningNormalizer& normalizer,
                              const std::vector<double>& weights, const PpoConfig& config,
                              const Shards& shards) {
  const std::vector<const Transition*> all = rollout.flat();
  const std::vector<Values> truncated_values = values_by_shard(network, cut_states(all, shards));
  const std::vector<Values> last_values =
      values_by_shard(network, split(next_observations, shards));
  auto truncated = truncated_values.begin();

  const auto components = static_cast<std::size_t>(network.value_components());
  const std::vector<bool> earned = components_earned(rollout, components, shards);
  Estimates estimates;
  estimates.returns.assign(all.size(), std::vector<double>(components));
  std::vector<std::vector<double>> advantages(components);
  for (std::size_t e = 0; e < rollout.by_environment().size(); ++e) {
    const std::vector<Transition>& steps = rollout.by_environment()[e];
    const std::vector<Values> next = next_values(steps, last_values[e], truncated);
    for (std::size_t c = 0; c < components; ++c) {
      const std::vector<GaeStep> sequence = gae_steps(steps, next, c, normalizer);
      const auto a = generalised_advantages(sequence, config.gamma, config.gae_lambda);
      for (std::size_t t = 0; t < steps.size(); ++t) {
        double& estimate = estimates.returns[e * steps.size() + t][c];
        estimate = a[t] + sequence[t].value;
        if (!std::isfinite(estimate)) {
          throw NotFiniteError(fmt::format("[ppo] a return of environment {} is not finite", e));
        }
        // Where nothing was earned the advantage is the critic's own noise: it must not be scaled
        // up.
        advantages[c].push_back(earned[c] ? a[t] : 0);
      }
    }
  }
  estimates.advantages = config.advantage == AdvantageKind::kTotal || components == 1
                             ? advantages[kTotal]
                             : combine_advantages(advantages, weights, shards);
  if (config.advantage_normalization == AdvantageNormalization::kBatch) {
    standardise(estimates.advantages, shards);
  }
  return estimates;
}

std::vector<double> combine_advantages(const std::vector<std::vector<double>>& advantages,
                                       const std::vector<double>& weights, const Shards& shards) {
  constexpr double kNoSpread = 1e-8;
  const std::size_t n = advantages[kTotal].size();
  std::vector<double> combined(n);
  std::vector<double> scale(advantages.size());
  double weight_sum = 0;
  for (std::size_t c = kTotal + 1; c < advantages.size(); ++c) {
    const double deviation = spread_of(advantages[c], shards).deviation;
    if (!std::isfinite(deviation)) {
      throw NotFiniteError(
          fmt::format("[ppo] the spread of the advantages of component {} is not finite", c));
    }
    if (deviation < kNoSpread) continue;
    scale[c] = weights[c] / deviation;
    weight_sum += weights[c];
  }
  for (std::size_t c = kTotal + 1; c < advantages.size(); ++c) {
    if (scale[c] == 0) continue;
    for (std::size_t i = 0; i < n; ++i) combined[i] += scale[c] / weight_sum * advantages[c][i];
  }
  return combined;
}

}  // namespace frost
