#include "rl/ppo/ppo.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kernels/errors.h"
#include "rl/ppo/loss_terms.h"

namespace frost {
namespace {

constexpr const char* kCountersKey = "ppo.counters";
constexpr const char* kNormalizerKey = "ppo.return_normalizer";

/// Does a piece of work and adds the seconds it took, unless it throws.
template <class Work>
void timed(double& seconds, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool never() {
  return false;
}

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

std::vector<float> log_probabilities_of(const Rollout& rollout) {
  std::vector<float> all;
  for (const Transition* transition : rollout.flat()) {
    const PolicyStep& step = transition->policy;
    all.insert(all.end(), step.logp.begin(), step.logp.end());
    all.insert(all.end(), step.raw_logp.begin(), step.raw_logp.end());
  }
  return all;
}

}  // namespace

Ppo::Ppo(PolicyNetwork& network, Adam& optimizer, VectorEnvironment& environments,
         const PpoConfig& config, std::uint64_t seed)
    : network_(network),
      optimizer_(optimizer),
      environments_(environments),
      config_(config),
      spec_(environments.spec()),
      shuffle_(seed, StreamPurpose::kShuffle),
      rates_(learning_rates(config)),
      gradient_scaling_(config.gradient_scaling, base_weights(config)),
      gradient_step_(network, optimizer, config.max_grad_norm, config.record_minibatches),
      return_normalizer_(spec_.reward_names.size()) {
  if (network.value_components() != static_cast<std::int64_t>(spec_.reward_names.size())) {
    fail("ppo", "the critic has " + std::to_string(network.value_components()) +
                    " value heads for " + std::to_string(spec_.reward_names.size()) + " rewards");
  }
  for (int i = 0; i < environments_.size(); ++i) {
    sampling_.emplace_back(seed, StreamPurpose::kSampling, static_cast<std::uint32_t>(i));
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
  log_probabilities_ = log_probabilities_of(update.rollout);
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

void Ppo::collect_step(Rollout& rollout) {
  std::vector<RandomStream*> streams;
  for (RandomStream& stream : sampling_) streams.push_back(&stream);
  const auto observations = environments_.observations();
  const std::vector<RandomStream> before = sampling_;
  PolicySteps policy;
  try {
    policy = act(network_, observations, streams, spec_.actions, false);
  } catch (...) {
    sampling_ = before;
    throw;
  }
  std::vector<Transition> transitions(policy.steps.size());
  std::vector<Action> actions;
  for (std::size_t e = 0; e < transitions.size(); ++e) {
    actions.push_back(policy.steps[e].action);
    if (!policy.features.defined()) transitions[e].observation = *observations[e];
    transitions[e].policy = std::move(policy.steps[e]);
  }
  std::vector<VectorStep> outcomes = environments_.step(actions);
  for (std::size_t e = 0; e < outcomes.size(); ++e) {
    transitions[e].outcome = std::move(outcomes[e]);
  }
  global_step_ += static_cast<std::int64_t>(transitions.size());
  rollout.add(std::move(transitions), policy.features, network_.prefix_id());
  for (const EpisodeRecord& episode : environments_.take_finished()) {
    ++episodes_;
    successes_ += episode.success;
    finished_.push_back(episode);
  }
}

void Ppo::take_statistics(Rollout& rollout) {
  const std::vector<const Transition*> all = std::as_const(rollout).flat();
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end =
        std::min(begin + static_cast<std::size_t>(config_.minibatch_size), all.size());
    network_.observe_statistics(batch_states(
        network_, rollout, {all.begin() + begin, all.begin() + end}, spec_.actions.rows));
    begin = end;
  }
  network_.define_statistics();
  rollout.clear();
}

Learning Ppo::begin_learning(Rollout& rollout) {
  rollout.require_prefix(network_.prefix_id());
  Estimates estimates = estimate_advantages(rollout, network_, environments_.observations(),
                                            return_normalizer_, spec_.reward_weights, config_);
  RunningNormalizer normalizer = return_normalizer_;
  if (config_.normalize_returns) normalizer.update(estimates.returns);
  if (!normalizer.finite()) {
    throw NotFiniteError("[ppo] the statistics of the returns are not finite");
  }
  Learning learning;
  learning.set_samples(rollout.size());
  learning.sums.group_norms.resize(optimizer_.groups().size());
  // Up to here nothing of the update has changed.
  rollout.set_estimates(std::move(estimates));
  // In the units that the values were predicted in: before the statistics move.
  learning.collected = summarise_rollout(rollout, return_normalizer_);
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
    if (learning.next == order.size()) learning.begin_epoch(shuffle_);
    const std::size_t end =
        std::min(learning.next + static_cast<std::size_t>(config_.minibatch_size), order.size());
    std::vector<const Transition*> minibatch;
    for (std::size_t i = learning.next; i < end; ++i) minibatch.push_back(all[order[i]]);
    timed(seconds, [&] { learn_minibatch(rollout, minibatch, learning.sums); });
    learning.next = end;
    if (!learning.done(config_.update_epochs) && stop()) return false;
  }
  return true;
}

Metrics Ppo::finish_update(const Learning& learning) {
  Metrics metrics = update_metrics(learning);
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

double Ppo::policy_gradient_norm(const Minibatch& batch, Tensor LossParts::*part) {
  const LossParts both = policy_losses(batch, network_.forward(batch.states));
  const float loss_alone[4] = {1.0f, 0.0f, 0.0f, 0.0f};
  optimizer_.zero_grad();
  backward({{both.*part, Tensor::from_host(network_.backend(), {4}, loss_alone)}});
  return joint_norm(optimizer_.grad_norms());
}

PolicyLossWeights Ppo::policy_loss_weights(const Minibatch& batch, GradientScaling& scaling) {
  if (!config_.scale_policy_losses || !batch.decisions.defined() || !batch.raw.defined()) {
    return base_weights(config_);
  }
  scaling.record(policy_gradient_norm(batch, &LossParts::discrete),
                 policy_gradient_norm(batch, &LossParts::continuous));
  return scaling.weights();
}

void Ppo::learn_minibatch(const Rollout& rollout, const std::vector<const Transition*>& minibatch,
                          LearnStatistics& sums) {
  const Minibatch batch =
      make_minibatch(network_, rollout, minibatch, return_normalizer_, config_, spec_);
  const LossParts& losses = gradient_step_.forward(batch);
  LossTerms terms = loss_terms(losses, config_, episodes_);
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
  const PolicyLossWeights weights = policy_loss_weights(batch, scaling);
  terms.discrete.weigh(weights.discrete);
  terms.continuous.weigh(weights.continuous);
  std::vector<float> value_gradient(static_cast<std::size_t>(losses.value.numel()));
  value_gradient[0] = static_cast<float>(config_.value_loss_coeff);
  const std::vector<double> norms = gradient_step_.descend(
      {terms.discrete.gradient, terms.continuous.gradient, value_gradient}, lr_factors());
  gradient_scaling_ = scaling;
  sums.add(terms, weights, config_.value_loss_coeff, norms);
}

Metrics Ppo::update_metrics(const Learning& learning) const {
  const LearnStatistics& sums = learning.sums;
  const RolloutSummary& collected = learning.collected;
  const std::vector<double> factors = lr_factors();
  Metrics m;
  m.add("charts/update", static_cast<double>(updates_ + 1));
  m.add("charts/global_step", static_cast<double>(global_step_));
  m.add("charts/episodes", static_cast<double>(episodes_));
  const EpisodeSummary episodes = summarise_episodes(finished_);
  m.add("charts/episodes_finished", static_cast<double>(finished_.size()));
  m.add("charts/episodic_return", episodes.mean_return);
  m.add("charts/episodic_length", episodes.mean_length);
  m.add("charts/success_rate", episodes.success_rate);
  m.add("charts/progress", episodes.mean_progress);
  if (!spec_.size_unit.empty()) {
    m.add("charts/" + spec_.size_unit + "_per_state", collected.state_size);
  }
  for (std::size_t c = 0; c < spec_.reward_names.size(); ++c) {
    m.add("reward/" + spec_.reward_names[c], collected.mean_reward[c]);
  }
  m.add("losses/policy_loss", sums.mean(sums.policy_loss));
  m.add("losses/continuous_policy_loss", sums.mean(sums.continuous_loss));
  m.add("losses/value_loss", sums.mean(sums.value_loss));
  m.add("losses/entropy", sums.mean(sums.entropy));
  m.add("losses/continuous_entropy", sums.mean(sums.continuous_entropy));
  m.add("losses/entropy_coefficient", entropy_coefficient(config_, episodes_));
  m.add("losses/approx_kl", sums.mean_kl());
  m.add("losses/last_kl", sums.last_kl);
  m.add("losses/clipfrac", sums.mean(sums.clipfrac));
  m.add("losses/total", sums.mean(sums.loss));
  m.add("losses/explained_variance", collected.explained_variance);
  m.add("losses/minibatches", sums.minibatches);
  m.add("losses/epochs", learning.epochs);
  if (config_.scale_policy_losses) {
    m.add("losses/discrete_weight", sums.mean(sums.weights.discrete));
    m.add("losses/continuous_weight", sums.mean(sums.weights.continuous));
  }
  m.add("grad_norm/total", sums.mean(sums.grad_norm));
  // Every group the network may have, so that the columns outlast a change of the freeze mode.
  for (const ParamGroup& possible : network_.param_groups()) {
    double norm = 0, lr = 0;
    for (std::size_t g = 0; g < optimizer_.groups().size(); ++g) {
      const ParamGroup& group = optimizer_.groups()[g];
      if (group.name != possible.name) continue;
      norm = sums.mean(sums.group_norms[g]);
      lr = group.lr * factors[g];
    }
    m.add("grad_norm/" + possible.name, norm);
    m.add("lr/" + possible.name, lr);
  }
  return m;
}

void Ppo::save(StateDict& state) const {
  std::vector<std::int64_t> counters = {updates_, global_step_, episodes_, successes_,
                                        static_cast<std::int64_t>(shuffle_.position())};
  for (const RandomStream& s : sampling_) {
    counters.push_back(static_cast<std::int64_t>(s.position()));
  }
  state[kCountersKey] =
      HostTensor::from_int64({static_cast<std::int64_t>(counters.size())}, counters);
  state[kNormalizerKey] = HostTensor::from_doubles(return_normalizer_.state());
  rates_.save(state);
  if (config_.scale_policy_losses) gradient_scaling_.save(state);
  if (unfinished_) save_unfinished(*unfinished_, finished_, state);
}

void Ppo::load(const StateDict& state) {
  const std::vector<std::int64_t> counters =
      find_tensor(state, kCountersKey, "checkpoint").to_int64(kCountersKey);
  if (counters.size() != 5 + sampling_.size()) {
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
  updates_ = counters[0];
  global_step_ = counters[1];
  episodes_ = counters[2];
  successes_ = counters[3];
  shuffle_.set_position(static_cast<std::uint64_t>(counters[4]));
  for (std::size_t i = 0; i < sampling_.size(); ++i) {
    sampling_[i].set_position(static_cast<std::uint64_t>(counters[5 + i]));
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
      environments_.size(), config_.rollout_steps / environments_.size(), network_.frames());
}

RolloutForm Ppo::rollout_form() const {
  const Tensor features = network_.encode(network_.make_batch({environments_.observations()[0]}));
  return {spec_, spec_.reward_names.size(), features.defined() ? features.dim(1) : 0,
          network_.prefix_id(), false};
}

}  // namespace frost
