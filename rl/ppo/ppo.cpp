#include "rl/ppo/ppo.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/errors.h"
#include "rl/ppo/loss_terms.h"
#include "rl/ppo/update_metrics.h"

namespace frost {
namespace {

constexpr const char* kCountersKey = "ppo.counters";
constexpr const char* kNormalizerKey = "ppo.return_normalizer";

constexpr auto never = [] { return false; };

PolicyLossWeights base_weights(const PpoConfig& config) {
  return {config.discrete_weight, config.continuous_weight};
}

/// All schedules end with the training.
LearningRates learning_rates(PpoConfig config) {
  config.lr_schedule.total_updates = config.total_updates;
  for (GroupLrSchedule& own : config.group_schedules) {
    own.schedule.total_updates = config.total_updates;
  }
  return {config.lr_schedule, config.group_schedules, config.kl_adaptation};
}

}  // namespace

Ppo::Ppo(PolicyNetwork& network, Adam& optimizer, VectorEnvironment& environments,
         const PpoConfig& config, std::uint64_t seed, Communicator& communicator)
    : network_(network),
      optimizer_(optimizer),
      environments_(environments),
      config_(config),
      shards_(config.shards, communicator),
      spec_(environments.spec()),
      shuffle_(seed, StreamPurpose::kShuffle),
      rates_(learning_rates(config)),
      gradient_scaling_(config.gradient_scaling, base_weights(config)),
      gradient_step_(network, optimizer, config.max_grad_norm, config.record_minibatches, shards_),
      return_normalizer_(spec_.reward_names.size()) {
  if (network.value_components() != static_cast<std::int64_t>(spec_.reward_names.size())) {
    fail("ppo", "the critic has " + std::to_string(network.value_components()) +
                    " value heads for " + std::to_string(spec_.reward_names.size()) + " rewards");
  }
  shards_.require_divides(all_environments(), config.minibatch_size);
  for (int i = 0; i < environments_.size(); ++i) {
    sampling_.emplace_back(seed, StreamPurpose::kSampling,
                           static_cast<std::uint32_t>(environments_.first() + i));
  }
}

Metrics Ppo::update() {
  return *update(never);
}

std::optional<Metrics> Ppo::update(const StopRequest& stop) {
  if (!unfinished_) unfinished_ = empty_update();
  try {
    std::optional<Metrics> metrics = go_on(*unfinished_, stop);
    if (metrics) {
      timing_ = unfinished_->timing;
      unfinished_.reset();
    }
    return metrics;
  } catch (const NotFiniteError&) {
    throw;
  } catch (...) {  // environments or weights may have gone on without the rest of the update
    unfinished_.reset();
    throw;
  }
}

std::optional<Metrics> Ppo::go_on(UnfinishedUpdate& update, const StopRequest& stop) {
  UpdateTiming& timing = update.timing;
  if (!update.learning) {
    if (!collect_until(update.rollout, timing.collect_seconds, stop)) return std::nullopt;
    if (network_.awaits_statistics()) {
      timed(timing.collect_seconds, [&] { take_statistics(update.rollout); });
      if (!collect_until(update.rollout, timing.collect_seconds, stop)) return std::nullopt;
    }
    timed(timing.learn_seconds, [&] { update.learning = begin_learning(update.rollout); });
  }
  if (!learn_until(update.rollout, *update.learning, timing.learn_seconds, stop)) {
    return std::nullopt;
  }
  log_probabilities_ = update.rollout.log_probabilities();
  return finish_update(*update.learning);
}

void Ppo::collect(Rollout& rollout) {
  double seconds = 0;
  collect_until(rollout, seconds, never);
}

Metrics Ppo::learn(Rollout& rollout) {
  Learning learning = begin_learning(rollout);
  double seconds = 0;
  learn_until(rollout, learning, seconds, never);
  return finish_update(learning);
}

bool Ppo::collect_until(Rollout& rollout, double& seconds, const StopRequest& stop) {
  if (rollout.size() == 0) finished_.clear();
  while (true) {
    require_finite_rewards(rollout, spec_);  // before going on, so after a load again
    if (rollout.full()) return true;
    timed(seconds, [&] { collect_step(rollout); });
    if (stop()) return false;
  }
}

PolicySteps Ppo::act_in_shard(int shard) {
  const auto all = environments_.observations();
  const auto [begin, end] = shards_.range(shard, all.size());
  std::vector<const Observation*> observations;
  std::vector<RandomStream*> streams;
  for (std::size_t e = begin; e < end; ++e) {
    observations.push_back(all[e]);
    streams.push_back(&sampling_[e]);
  }
  return act(network_, observations, streams, spec_.actions, false);
}

void Ppo::collect_step(Rollout& rollout) {
  const auto observations = environments_.observations();
  const std::vector<RandomStream> before = sampling_;
  std::vector<PolicySteps> policies;
  try {
    for (int shard = 0; shard < shards_.count(); ++shard) policies.push_back(act_in_shard(shard));
  } catch (...) {
    sampling_ = before;
    throw;
  }
  std::vector<std::vector<Transition>> transitions;  // by shard
  std::vector<Action> actions;
  for (PolicySteps& policy : policies) {
    transitions.emplace_back(policy.steps.size());
    for (std::size_t i = 0; i < policy.steps.size(); ++i) {
      Transition& transition = transitions.back()[i];
      if (!policy.features.defined()) transition.observation = *observations[actions.size()];
      actions.push_back(policy.steps[i].action);
      transition.policy = std::move(policy.steps[i]);
    }
  }
  std::vector<VectorStep> outcomes = environments_.step(actions);
  std::size_t e = 0;
  for (std::size_t shard = 0; shard < policies.size(); ++shard) {
    const std::size_t first = e;
    for (Transition& transition : transitions[shard]) transition.outcome = std::move(outcomes[e++]);
    rollout.add(std::move(transitions[shard]), policies[shard].features, network_.prefix_id(),
                first);
  }
  global_step_ += all_environments();
  for (const EpisodeRecord& episode : environments_.take_finished()) {
    ++episodes_;
    successes_ += episode.success;
    finished_.push_back(episode);
  }
}

void Ppo::take_statistics(Rollout& rollout) {
  network_.set_statistics(
      sum_statistics(network_, rollout, config_.minibatch_size, spec_.actions.rows, shards_));
  count_episodes_elsewhere();
  rollout.clear();
}

void Ppo::count_episodes_elsewhere() {
  const Episodes elsewhere = episodes_elsewhere();
  episodes_ += elsewhere.ended;
  successes_ += elsewhere.successes;
}

Ppo::Episodes Ppo::episodes_elsewhere() const {
  std::array<double, 2> own{static_cast<double>(finished_.size()), 0};
  for (const EpisodeRecord& episode : finished_) own[1] += episode.success;
  std::array<double, 2> all = own;
  shards_.communicator().sum(std::span<double>(all));
  return {static_cast<std::int64_t>(all[0] - own[0]), static_cast<std::int64_t>(all[1] - own[1])};
}

Learning Ppo::begin_learning(Rollout& rollout) {
  rollout.require_prefix(network_.prefix_id());
  Estimates estimates =
      estimate_advantages(rollout, network_, environments_.observations(), return_normalizer_,
                          spec_.reward_weights, config_, shards_);
  RunningNormalizer normalizer = return_normalizer_;
  if (config_.normalize_returns) normalizer.update(estimates.returns, shards_);
  if (!normalizer.finite()) {
    throw NotFiniteError("[ppo] the statistics of the returns are not finite");
  }
  Learning learning;
  learning.set_samples(shards_.overall(rollout.size()));
  learning.sums.group_norms.resize(optimizer_.groups().size());
  // Up to here nothing of the update has changed.
  rollout.set_estimates(std::move(estimates));
  // In the units that the values were predicted in: before the statistics move.
  learning.collected = summarise_rollout(rollout, return_normalizer_, shards_);
  count_episodes_elsewhere();
  return_normalizer_ = std::move(normalizer);
  return learning;
}

bool Ppo::learn_until(const Rollout& rollout, Learning& learning, double& seconds,
                      const StopRequest& stop) {
  rollout.require_prefix(network_.prefix_id());
  if (learning.sums.group_norms.size() != optimizer_.groups().size()) {
    fail("ppo", "the parameter groups changed within an update; finish it under its own");
  }
  const std::vector<const Transition*> all = rollout.flat();
  const std::vector<std::size_t>& order = learning.order;
  while (!learning.done(config_.update_epochs)) {
    if (learning.next == order.size()) {
      learning.begin_epoch(shuffle_, shards_.total(), config_.minibatch_size);
    }
    const std::size_t end =
        std::min(learning.next + static_cast<std::size_t>(config_.minibatch_size), order.size());
    const ShardedStates states =
        own_states(all, std::span(order).subspan(learning.next, end - learning.next), shards_);
    timed(seconds, [&] { learn_minibatch(rollout, states, learning.sums); });
    learning.next = end;
    if (!learning.done(config_.update_epochs) && stop()) return false;
  }
  return true;
}

Metrics Ppo::finish_update(const Learning& learning) {
  if (shards_.total() > 1) {
    sort_by_environment(finished_);
    finished_ = gather_all(shards_.communicator(), finished_);
  }
  Metrics metrics =
      update_metrics({spec_, config_, learning, finished_, updates_ + 1, global_step_, episodes_,
                      network_.param_groups(), optimizer_.groups(), lr_factors()});
  rates_.adapt(optimizer_.groups(), updates_, learning.sums.mean_kl());
  ++updates_;
  return metrics;
}

std::vector<double> Ppo::lr_factors() const {
  std::vector<double> factors;
  for (const ParamGroup& group : optimizer_.groups()) {
    factors.push_back(rates_.factor(group.name, updates_));
  }
  return factors;
}

LossTerms Ppo::forward(const std::vector<Minibatch>& parts) {
  const std::vector<LossParts> losses = gradient_step_.forward(parts);
  return loss_terms(shards_.sum([&](int shard) {
    std::vector<double> numbers = loss_numbers(losses[static_cast<std::size_t>(shard)]);
    for (double& number : numbers) number /= shards_.total();
    return numbers;
  }),
                    config_, episodes_);
}

PolicyLossWeights Ppo::policy_loss_weights(const std::vector<Minibatch>& parts,
                                           const LossTerms& terms, GradientScaling& scaling) {
  if (!config_.scale_policy_losses || !terms.discrete.defined || !terms.continuous.defined) {
    return base_weights(config_);
  }
  scaling.record(gradient_step_.norm_of(parts, &LossParts::discrete),
                 gradient_step_.norm_of(parts, &LossParts::continuous));
  return scaling.weights();
}

void Ppo::learn_minibatch(const Rollout& rollout, const ShardedStates& states,
                          LearnStatistics& sums) {
  const std::vector<Minibatch> parts =
      make_minibatches(network_, rollout, states, return_normalizer_, config_, spec_, shards_);
  LossTerms terms = forward(parts);
  // A policy that has moved too far is no fault, even where its ratios overflow: so this comes
  // before any gradient.
  if (config_.enable_kl_early_stop && terms.kl() > config_.target_kl) {
    sums.stop_at(terms.kl());
    gradient_step_.abandon();
    return;
  }
  require_finite(terms, "minibatch " + std::to_string(sums.minibatches + 1) + " in update " +
                            std::to_string(updates_ + 1));
  GradientScaling scaling = gradient_scaling_;  // kept once nothing can fail any more
  const PolicyLossWeights weights = policy_loss_weights(parts, terms, scaling);
  terms.discrete.weigh(weights.discrete);
  terms.continuous.weigh(weights.continuous);
  const auto components = static_cast<std::size_t>(network_.value_components());
  std::vector<float> value_gradient(1 + components);
  value_gradient[0] = static_cast<float>(config_.value_loss_coeff);
  const std::vector<double> norms = gradient_step_.descend(
      {terms.discrete.gradient, terms.continuous.gradient, value_gradient}, lr_factors());
  gradient_scaling_ = scaling;
  sums.add(terms, weights, config_.value_loss_coeff, norms);
}

void Ppo::save(StateDict& state) const {
  const bool collecting = unfinished_ != nullptr && !unfinished_->learning;
  const Episodes elsewhere = collecting ? episodes_elsewhere() : Episodes();
  std::vector<std::int64_t> positions;
  for (const RandomStream& s : sampling_) {
    positions.push_back(static_cast<std::int64_t>(s.position()));
  }
  positions = gather_all(shards_.communicator(), positions);
  std::vector<std::int64_t> counters = {updates_, global_step_, episodes_ + elsewhere.ended,
                                        successes_ + elsewhere.successes,
                                        static_cast<std::int64_t>(shuffle_.position())};
  counters.insert(counters.end(), positions.begin(), positions.end());
  state[kCountersKey] =
      HostTensor::from_int64({static_cast<std::int64_t>(counters.size())}, counters);
  state[kNormalizerKey] = HostTensor::from_doubles(return_normalizer_.state());
  rates_.save(state);
  if (config_.scale_policy_losses) gradient_scaling_.save(state);
  if (!unfinished_) return;
  std::vector<EpisodeRecord> finished = finished_;
  if (shards_.total() > 1) sort_by_environment(finished);
  save_unfinished(*unfinished_, finished, shards_.communicator(), state);
}

void Ppo::load(const StateDict& state) {
  const std::vector<std::int64_t> counters =
      find_tensor(state, kCountersKey, "checkpoint").to_int64(kCountersKey);
  if (counters.size() != 5 + static_cast<std::size_t>(all_environments())) {
    throw Error("checkpoint was written with another number of environments");
  }
  if (std::any_of(counters.begin(), counters.end(), [](std::int64_t c) { return c < 0; })) {
    fail_damaged(kCountersKey, "a count is negative");
  }
  // Everything is read before anything is overwritten.
  RunningNormalizer normalizer = return_normalizer_;
  if (!normalizer.set_state(
          find_tensor(state, kNormalizerKey, "checkpoint").to_doubles(kNormalizerKey))) {
    fail_damaged(kNormalizerKey, "these are no count, means and sums of squares");
  }
  LearningRates rates = rates_;
  rates.load(state);
  GradientScaling scaling = gradient_scaling_;
  if (config_.scale_policy_losses) scaling.load(state);
  std::unique_ptr<UnfinishedUpdate> unfinished;
  std::vector<EpisodeRecord> finished;
  if (holds_unfinished(state)) {
    unfinished = empty_update();
    load_unfinished(state, rollout_form(), network_.backend(), optimizer_.groups().size(),
                    *unfinished, finished);
    // What was collected of episodes that do not go on has no end: it is collected anew.
    if (!spec_.resumes_exactly && !unfinished->learning) {
      unfinished.reset();
      finished.clear();
    }
  }
  // Those of others in a rollout at hand are counted when it is full.
  Episodes elsewhere;
  std::erase_if(finished, [&](const EpisodeRecord& e) {
    const int own = e.environment - environments_.first();
    if (own >= 0 && own < environments_.size()) return false;
    ++elsewhere.ended;
    elsewhere.successes += e.success;
    return true;
  });
  if (!unfinished || unfinished->learning) elsewhere = {};
  updates_ = counters[0];
  global_step_ = counters[1];
  episodes_ = counters[2] - elsewhere.ended;
  successes_ = counters[3] - elsewhere.successes;
  shuffle_.set_position(static_cast<std::uint64_t>(counters[4]));
  for (std::size_t i = 0; i < sampling_.size(); ++i) {
    sampling_[i].set_position(static_cast<std::uint64_t>(
        counters[5 + static_cast<std::size_t>(environments_.first()) + i]));
  }
  return_normalizer_ = std::move(normalizer);
  rates_ = std::move(rates);
  gradient_scaling_ = scaling;
  finished_ = std::move(finished);
  unfinished_ = std::move(unfinished);
  timing_ = {};
}

std::unique_ptr<UnfinishedUpdate> Ppo::empty_update() const {
  return std::make_unique<UnfinishedUpdate>(
      environments_.size(), config_.rollout_steps / all_environments(), network_.frames());
}

RolloutForm Ppo::rollout_form() const {
  const Tensor features = network_.encode(network_.make_batch({environments_.observations()[0]}));
  return {spec_,
          spec_.reward_names.size(),
          features.defined() ? features.dim(1) : 0,
          network_.prefix_id(),
          false,
          all_environments(),
          environments_.first()};
}

}  // namespace frost
