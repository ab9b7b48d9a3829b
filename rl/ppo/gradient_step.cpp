#include "rl/ppo/gradient_step.h"

#include <functional>
#include <string_view>

#include "engine/launch.h"
#include "engine/observe/op_observer.h"
#include "engine/policy_ops.h"
#include "kernels/errors.h"
#include "rl/communicator/gradient_sum.h"

namespace frost {
namespace {

/// Every dimension of every tensor of a minibatch.
Shape shapes_of(Minibatch minibatch) {
  Shape key;
  for (const Tensor* t : minibatch.tensors()) {
    key.push_back(t->defined() ? static_cast<std::int64_t>(t->shape().size()) : -1);
    if (t->defined()) key.insert(key.end(), t->shape().begin(), t->shape().end());
  }
  return key;
}

void copy_inputs(Minibatch from, Minibatch& to) {
  const std::vector<Tensor*> sources = from.tensors(), targets = to.tensors();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i]->defined()) targets[i]->copy_from(*sources[i]);
  }
}

}  // namespace

LossParts policy_losses(const Minibatch& batch, const PolicyOutput& out) {
  LossParts losses;
  if (batch.decisions.defined()) {
    losses.discrete =
        ppo_surrogate(evaluate_categorical(out.logits, batch.states.action_mask, batch.decisions),
                      batch.discrete);
  }
  if (batch.raw.defined()) {
    const Tensor params =
        batch.active_rows.defined()
            ? repeat_segments(out.gaussian, batch.active_offsets, batch.active_rows)
            : out.gaussian;
    losses.continuous = ppo_surrogate(evaluate_gaussian(params, batch.raw), batch.continuous);
  }
  return losses;
}

GradientStep::GradientStep(PolicyNetwork& network, Adam& optimizer, double max_grad_norm,
                           bool record, const Shards& shards)
    : network_(network),
      optimizer_(optimizer),
      max_grad_norm_(max_grad_norm),
      record_(record),
      shards_(shards) {}

GradientStep::Pass GradientStep::make_pass(const Minibatch& minibatch) const {
  Pass pass;
  pass.inputs = minibatch;
  const auto weights = [&](std::int64_t n) { return Tensor::zeros(network_.backend(), {n}); };
  if (minibatch.decisions.defined()) pass.weights.discrete = weights(4);
  if (minibatch.raw.defined()) pass.weights.continuous = weights(4);
  pass.weights.value = weights(1 + minibatch.value.weights.numel());
  return pass;
}

void GradientStep::run_forward(Pass& pass) const {
  const PolicyOutput out = network_.forward(pass.inputs.states);
  pass.losses = policy_losses(pass.inputs, out);
  pass.losses.value = value_loss(out.values, pass.inputs.value);
}

std::vector<std::pair<Tensor, Tensor>> GradientStep::roots_of(const Pass& pass) {
  std::vector<std::pair<Tensor, Tensor>> roots = {{pass.losses.value, pass.weights.value}};
  for (Tensor LossParts::*part : {&LossParts::discrete, &LossParts::continuous}) {
    if ((pass.losses.*part).defined()) roots.emplace_back(pass.losses.*part, pass.weights.*part);
  }
  return roots;
}

void GradientStep::run_backward(Pass& pass) const {
  optimizer_.zero_grad();
  backward(roots_of(pass));
}

void GradientStep::run_descend(Pass& pass) const {
  run_backward(pass);
  pass.moved = optimizer_.enqueue_step(max_grad_norm_);
}

const LossParts& GradientStep::forward(const Minibatch& minibatch) {
  const bool eager = !record_ || LaunchControl::dry_run() || OpObserver::any();
  current_ = eager ? nullptr : find_recording(minibatch);
  if (current_ != nullptr) {
    ++replays_;
    current_->forward->replay();
  } else {
    eager_ = make_pass(minibatch);
    current_ = &eager_;
    run_forward(eager_);
  }
  return current_->losses;
}

std::vector<LossParts> GradientStep::forward(const std::vector<Minibatch>& parts) {
  if (shards_.total() == 1) return {forward(parts.front())};
  abandon();
  std::vector<LossParts> losses;
  for (const Minibatch& part : parts) {
    parts_.push_back(make_pass(part));
    run_forward(parts_.back());
    losses.push_back(parts_.back().losses);
  }
  return losses;
}

void GradientStep::set_weights(Pass& pass, const LossWeights& weights) {
  pass.weights.value.copy_from_host(weights.value);
  if (pass.weights.discrete.defined()) pass.weights.discrete.copy_from_host(weights.discrete);
  if (pass.weights.continuous.defined()) pass.weights.continuous.copy_from_host(weights.continuous);
}

std::vector<double> GradientStep::descend_parts(const LossWeights& weights) {
  LossWeights share = weights;
  for (std::vector<float>* part : {&share.discrete, &share.continuous, &share.value}) {
    for (float& weight : *part) weight /= static_cast<float>(shards_.total());
  }
  sum_gradients(optimizer_, shards_, [&](int shard) {
    Pass& pass = parts_[static_cast<std::size_t>(shard)];
    set_weights(pass, share);
    backward(roots_of(pass));
    pass = {};  // its activations have been used
  });
  return optimizer_.finish_step(optimizer_.enqueue_step(max_grad_norm_));
}

std::vector<double> GradientStep::descend(const LossWeights& weights,
                                          const std::vector<double>& lr_factors) {
  if (!parts_.empty()) {
    optimizer_.prepare_step(lr_factors);
    std::vector<double> norms = descend_parts(weights);
    abandon();
    return norms;
  }
  if (current_ == nullptr) {
    fail("gradient_step", "descend needs the minibatch of a forward before it, and has used it up");
  }
  Pass& pass = *current_;
  set_weights(pass, weights);
  optimizer_.prepare_step(lr_factors);
  if (pass.descend != nullptr) {
    pass.descend->replay();
  } else {
    run_descend(pass);
  }
  std::vector<double> norms = optimizer_.finish_step(pass.moved);
  abandon();
  return norms;
}

double GradientStep::norm_of(const std::vector<Minibatch>& parts, Tensor LossParts::*part) {
  const float loss_alone[4] = {1.0f / static_cast<float>(shards_.total()), 0.0f, 0.0f, 0.0f};
  sum_gradients(optimizer_, shards_, [&](int shard) {
    const Minibatch& batch = parts[static_cast<std::size_t>(shard)];
    const LossParts both = policy_losses(batch, network_.forward(batch.states));
    if (!(both.*part).defined()) return;
    backward({{both.*part, Tensor::from_host(network_.backend(), {4}, loss_alone)}});
  });
  return joint_norm(optimizer_.grad_norms());
}

void GradientStep::abandon() {
  eager_ = {};
  parts_.clear();
  current_ = nullptr;
}

GradientStep::Pass* GradientStep::find_recording(const Minibatch& minibatch) {
  forget_stale_recordings();
  const Shape key = shapes_of(minibatch);
  if (++seen_.get(key, [] { return 0; }) == 1) return nullptr;
  const std::size_t misses = recorded_.misses();
  Pass& pass = *recorded_.get(key, [&] { return record(minibatch); });
  if (recorded_.misses() == misses) copy_inputs(minibatch, pass.inputs);
  return &pass;
}

std::unique_ptr<GradientStep::Pass> GradientStep::record(const Minibatch& minibatch) {
  auto pass = std::make_unique<Pass>(make_pass(minibatch));
  run_forward(*pass);
  run_backward(*pass);
  pass->losses = {};  // recorded work makes its own; these would only hold their memory
  const auto half = [&](void (GradientStep::*run)(Pass&) const) {
    return std::make_unique<DeviceGraph>(network_.backend(),
                                         [this, run, to = pass.get()] { (this->*run)(*to); });
  };
  pass->forward = half(&GradientStep::run_forward);
  pass->descend = half(&GradientStep::run_descend);
  ++recordings_;
  return pass;
}

void GradientStep::forget_stale_recordings() {
  if (groups_version_ == optimizer_.groups_version()) return;
  groups_version_ = optimizer_.groups_version();
  seen_ = ByShapes<int>(kMostSeen);
  recorded_ = ByShapes<std::unique_ptr<Pass>>(kMostRecordings);
}

std::size_t GradientStep::HashShapes::operator()(const Shape& key) const {
  const auto* bytes = reinterpret_cast<const char*>(key.data());
  return std::hash<std::string_view>{}({bytes, key.size() * sizeof key[0]});
}

}  // namespace frost
