#include "rl/ppo/unfinished_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "rl/communicator/state_exchange.h"

namespace frost {
namespace {

constexpr const char* kFinished = "ppo.finished";
constexpr const char* kSeconds = "ppo.seconds";
constexpr const char* kProgress = "ppo.learning.progress";
constexpr const char* kOrder = "ppo.learning.order";
constexpr const char* kSums = "ppo.learning.sums";
constexpr const char* kCollected = "ppo.learning.collected";
constexpr const char* kWhat = "checkpoint";

bool holds(const StateDict& state, const std::string& prefix) {
  const auto first = state.lower_bound(prefix);
  return first != state.end() && first->first.starts_with(prefix);
}

/// Columns of one episode; every integer is exact in a double.
constexpr std::int64_t kEpisodeColumns = 7;

void save_episodes(const std::vector<EpisodeRecord>& episodes, StateDict& state) {
  std::vector<double> rows;
  for (const EpisodeRecord& e : episodes) {
    rows.insert(rows.end(), {static_cast<double>(e.environment), static_cast<double>(e.episode),
                             static_cast<double>(e.steps), e.episode_return, e.progress,
                             static_cast<double>(e.ending), e.success ? 1.0 : 0.0});
  }
  state[kFinished] = HostTensor::from_doubles(rows);
  state[kFinished].shape = {static_cast<std::int64_t>(episodes.size()), kEpisodeColumns};
}

std::vector<EpisodeRecord> load_episodes(const StateDict& state) {
  const HostTensor& tensor = find_tensor(state, kFinished, kWhat);
  const std::vector<double> rows = tensor.to_doubles(kFinished);
  if (tensor.shape.size() != 2 || tensor.shape[1] != kEpisodeColumns) {
    fail_damaged(kFinished, "it is no table of episodes");
  }
  const auto whole = [](double value, double end) {
    if (!(value >= 0 && value < end) || value != std::floor(value)) {
      fail_damaged(kFinished, fmt::format("{} is no such number", value));
    }
    return value;
  };
  constexpr double kInt = 2147483648.0;
  std::vector<EpisodeRecord> episodes;
  for (std::size_t i = 0; i < rows.size(); i += kEpisodeColumns) {
    const double* row = rows.data() + i;
    episodes.push_back({static_cast<int>(whole(row[0], kInt)),
                        static_cast<std::int64_t>(whole(row[1], 0x1p53)),
                        static_cast<int>(whole(row[2], kInt)), row[3], row[4],
                        static_cast<int>(whole(row[5], kInt)), whole(row[6], 2) != 0});
  }
  return episodes;
}

/// The numbers of a tensor F64 [count].
std::vector<double> load_doubles(const StateDict& state, const char* name, std::size_t count) {
  return find_tensor(state, name, kWhat, {static_cast<std::int64_t>(count)}).to_doubles(name);
}

UpdateTiming load_timing(const StateDict& state) {
  const std::vector<double> seconds = load_doubles(state, kSeconds, 2);
  if (!std::all_of(seconds.begin(), seconds.end(),
                   [](double v) { return std::isfinite(v) && v >= 0; })) {
    fail_damaged(kSeconds, "no work takes such a time");
  }
  return {seconds[0], seconds[1]};
}

void save_learning(const Learning& learning, StateDict& state) {
  const std::vector<std::int64_t> order(learning.order.begin(), learning.order.end());
  state[kOrder] = HostTensor::from_int64({static_cast<std::int64_t>(order.size())}, order);
  state[kProgress] =
      HostTensor::from_int64({4}, {static_cast<std::int64_t>(learning.next), learning.epochs,
                                   learning.sums.minibatches, learning.sums.stopped_early});
  LearnStatistics copy = learning.sums;
  std::vector<double> sums;
  for (const double* number : copy.numbers()) sums.push_back(*number);
  state[kSums] = HostTensor::from_doubles(sums);
  const RolloutSummary& collected = learning.collected;
  std::vector<double> summary{collected.state_size, collected.explained_variance};
  summary.insert(summary.end(), collected.mean_reward.begin(), collected.mean_reward.end());
  state[kCollected] = HostTensor::from_doubles(summary);
}

std::vector<std::size_t> load_order(const StateDict& state, std::size_t samples) {
  const std::vector<std::int64_t> order =
      find_tensor(state, kOrder, kWhat, {static_cast<std::int64_t>(samples)}).to_int64(kOrder);
  std::vector<bool> seen(samples);
  for (const std::int64_t i : order) {
    const auto at = static_cast<std::size_t>(i);
    if (i < 0 || at >= samples || seen[at]) {
      fail_damaged(kOrder, fmt::format("{} is no sample, or comes twice", i));
    }
    seen[at] = true;
  }
  return {order.begin(), order.end()};
}

Learning load_learning(const StateDict& state, std::size_t samples, std::size_t components,
                       std::size_t groups) {
  Learning learning;
  learning.order = load_order(state, samples);
  const std::vector<std::int64_t> progress =
      find_tensor(state, kProgress, kWhat, {4}).to_int64(kProgress);
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const bool sound = progress[0] >= 0 && progress[0] <= static_cast<std::int64_t>(samples) &&
                     progress[1] >= 0 && progress[1] < kMost && progress[2] >= 0 &&
                     progress[2] < kMost && (progress[3] == 0 || progress[3] == 1);
  if (!sound) fail_damaged(kProgress, "a count is out of range");
  learning.next = static_cast<std::size_t>(progress[0]);
  learning.epochs = static_cast<int>(progress[1]);
  learning.sums.minibatches = static_cast<int>(progress[2]);
  learning.sums.stopped_early = progress[3] != 0;
  learning.sums.group_norms.resize(groups);
  const std::vector<double*> numbers = learning.sums.numbers();
  const std::vector<double> sums = load_doubles(state, kSums, numbers.size());
  if (!std::all_of(sums.begin(), sums.end(), [](double v) { return std::isfinite(v); })) {
    fail_damaged(kSums, "a value is not finite");
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) *numbers[i] = sums[i];
  const std::vector<double> summary = load_doubles(state, kCollected, 2 + components);
  learning.collected = {summary[0], {summary.begin() + 2, summary.end()}, summary[1]};
  return learning;
}

void fisher_yates(std::span<std::size_t> items, RandomStream& random) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[random.below(static_cast<std::uint32_t>(i))]);
  }
}

/// Of items in shards of `each`: the first `share` of every shard, then the next, and so on.
std::vector<std::size_t> deal(const std::vector<std::size_t>& items, std::size_t each,
                              std::size_t share) {
  std::vector<std::size_t> dealt;
  for (std::size_t at = 0; at < each; at += share) {
    for (std::size_t shard = 0; shard < items.size(); shard += each) {
      const auto begin = items.begin() + static_cast<std::ptrdiff_t>(shard);
      dealt.insert(dealt.end(), begin + static_cast<std::ptrdiff_t>(at),
                   begin + static_cast<std::ptrdiff_t>(std::min(at + share, each)));
    }
  }
  return dealt;
}

}  // namespace

std::vector<double*> LearnStatistics::numbers() {
  std::vector<double*> all = {&policy_loss, &continuous_loss,  &value_loss,
                              &loss,        &entropy,          &continuous_entropy,
                              &clipfrac,    &approx_kl,        &last_kl,
                              &grad_norm,   &weights.discrete, &weights.continuous};
  for (double& norm : group_norms) all.push_back(&norm);
  return all;
}

void LearnStatistics::add(const LossTerms& terms, const PolicyLossWeights& used,
                          double value_weight, const std::vector<double>& norms) {
  const PolicyTerm &decisions = terms.discrete, &continuous = terms.continuous;
  ++minibatches;
  policy_loss += decisions.loss;
  continuous_loss += continuous.loss;
  value_loss += terms.value;
  entropy += decisions.entropy;
  continuous_entropy += continuous.entropy;
  approx_kl += terms.kl();
  last_kl = terms.kl();
  weights.discrete += used.discrete;
  weights.continuous += used.continuous;
  clipfrac += decisions.defined ? decisions.clipfrac : continuous.clipfrac;
  loss += decisions.weighted_loss + continuous.weighted_loss + value_weight * terms.value;
  grad_norm += joint_norm(norms);
  for (std::size_t g = 0; g < norms.size(); ++g) group_norms[g] += norms[g];
}

void LearnStatistics::stop_at(double kl) {
  stopped_early = true;
  approx_kl += kl;
  last_kl = kl;
}

void Learning::set_samples(std::size_t samples) {
  order.resize(samples);
  std::iota(order.begin(), order.end(), std::size_t{0});
  next = samples;
}

void Learning::begin_epoch(RandomStream& shuffle, int shards, int minibatch_size) {
  const std::size_t each = order.size() / static_cast<std::size_t>(shards);
  if (shards > 1) std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t begin = 0; begin < order.size(); begin += each) {
    fisher_yates(std::span(order).subspan(begin, each), shuffle);
  }
  if (shards > 1) order = deal(order, each, static_cast<std::size_t>(minibatch_size / shards));
  next = 0;
  ++epochs;
}

void save_unfinished(const UnfinishedUpdate& update, const std::vector<EpisodeRecord>& finished,
                     Communicator& communicator, StateDict& state) {
  StateDict own;
  save_rollout(update.rollout, own);
  save_episodes(finished, own);
  state.merge(gather_state(communicator, std::move(own)));
  state[kSeconds] =
      HostTensor::from_doubles({update.timing.collect_seconds, update.timing.learn_seconds});
  if (update.learning) save_learning(*update.learning, state);
}

bool holds_unfinished(const StateDict& state) {
  return holds(state, "ppo.rollout.") || holds(state, "ppo.learning.") || holds(state, kFinished) ||
         holds(state, kSeconds);
}

void load_unfinished(const StateDict& state, RolloutForm form, Backend& backend, std::size_t groups,
                     UnfinishedUpdate& update, std::vector<EpisodeRecord>& finished) {
  form.with_returns = holds(state, "ppo.learning.");
  load_rollout(state, form, backend, update.rollout);
  if (form.with_returns) {
    if (!update.rollout.full()) fail_damaged(kProgress, "the rollout is not full yet");
    const std::size_t samples = static_cast<std::size_t>(form.environments) *
                                static_cast<std::size_t>(update.rollout.capacity());
    update.learning = load_learning(state, samples, form.components, groups);
  }
  finished = load_episodes(state);
  update.timing = load_timing(state);
}

}  // namespace frost
