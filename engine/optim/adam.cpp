#include "engine/optim/adam.h"

#include <cmath>
#include <map>
#include <set>

#include "engine/io/printable.h"
#include "engine/launch.h"
#include "kernels/errors.h"

namespace frost {
namespace {

constexpr const char* kPrefix = "adam.";

}  // namespace

Adam::Adam(std::vector<ParamGroup> groups, AdamConfig config) : config_(config) {
  set_groups(std::move(groups));
}

void Adam::require_groups(const std::vector<ParamGroup>& groups) const {
  std::set<std::string> names;
  for (const ParamGroup& group : groups) {
    if (group.parameters.empty()) continue;
    if (!(weight_decay(group) >= 0)) fail("adam", "negative weight decay in '" + group.name + "'");
    for (const NamedTensor& p : group.parameters) {
      if (!names.insert(p.name).second) fail("adam", "tensor '" + p.name + "' is in two groups");
      if (!p.tensor.requires_grad()) fail("adam", "tensor '" + p.name + "' does not train");
    }
  }
  if (names.empty()) throw Error("No trainable parameters found: every tensor is frozen");
}

void Adam::set_groups(std::vector<ParamGroup> groups) {
  require_groups(groups);
  ++groups_version_;
  std::map<std::string, Slot> kept;
  for (Slot& slot : slots_) kept.emplace(slot.parameter.name, std::move(slot));
  groups_.clear();
  slots_.clear();
  for (ParamGroup& group : groups) {
    if (group.parameters.empty()) continue;
    for (NamedTensor& p : group.parameters) {
      p.tensor.allocate_grad();
      const auto old = kept.find(p.name);
      Slot slot = old != kept.end() ? std::move(old->second) : fresh_slot(p.tensor);
      slot.parameter = p;
      slot.group = groups_.size();
      slots_.push_back(std::move(slot));
    }
    groups_.push_back(std::move(group));
  }
  const auto buffer = [&](std::size_t bytes) {
    return TrackedBuffer(backend(), MemoryTag::kWorkspace, bytes);
  };
  device_ = {buffer(slots_.size() * sizeof(AdamFactors)), buffer(slots_.size() * sizeof(double)),
             buffer(sizeof(float))};
}

Adam::Slot Adam::fresh_slot(const Tensor& parameter) {
  const auto zeros = [&] {
    return Tensor::zeros(parameter.backend(), parameter.shape(), MemoryTag::kOptimizer);
  };
  return {{}, 0, zeros(), zeros(), 0};
}

void Adam::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.tensor.zero_grad();
}

Adam::Moved Adam::with_gradient() const {
  Moved tensors;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    const Tensor grad = slot.parameter.tensor.grad();
    if (!grad.defined()) continue;
    tensors.push_back({grad.numel(), static_cast<std::int64_t>(i), grad.data(), slot.first.data(),
                       slot.second.data(), slot.parameter.tensor.data()});
  }
  return tensors;
}

void Adam::enqueue_norms(const Moved& tensors) const {
  launch("squared_norms", [&] {
    backend().fill_zero(device_.squares.data(), device_.squares.bytes());
    backend().optimizer().squared_norms(tensors, device_.squares.as<double>());
  });
}

std::vector<double> Adam::read_norms(const Moved& tensors) const {
  std::vector<double> squares(slots_.size()), norms(groups_.size());
  launch("copy_to_host", [&] {
    backend().copy_to_host(squares.data(), device_.squares.data(), device_.squares.bytes());
  });
  for (const OptimizerTensor& t : tensors) {
    const auto i = static_cast<std::size_t>(t.slot);
    if (!std::isfinite(squares[i])) {
      fail("adam", "the gradient of '" + slots_[i].parameter.name + "' is not finite");
    }
    norms[slots_[i].group] += squares[i];
  }
  for (double& n : norms) n = std::sqrt(n);
  return norms;
}

std::vector<double> Adam::grad_norms() const {
  const Moved tensors = with_gradient();
  enqueue_norms(tensors);
  return read_norms(tensors);
}

void Adam::prepare_step(const std::vector<double>& lr_factors) {
  if (lr_factors.size() != groups_.size()) {
    fail("adam", std::to_string(lr_factors.size()) + " learning-rate factors for " +
                     std::to_string(groups_.size()) + " groups; give one for each");
  }
  std::vector<AdamFactors> factors;
  for (const Slot& slot : slots_) {
    const ParamGroup& group = groups_[slot.group];
    factors.push_back(adam_factors(group.lr * lr_factors[slot.group], config_.beta1, config_.beta2,
                                   config_.epsilon, weight_decay(group),
                                   static_cast<double>(slot.step + 1)));
  }
  launch("copy_from_host", [&] {
    backend().copy_from_host(device_.factors.data(), factors.data(), device_.factors.bytes());
  });
}

Adam::Moved Adam::enqueue_step(double max_norm) {
  Moved moved = with_gradient();
  enqueue_norms(moved);
  launch("clip_gradients", [&] {
    backend().optimizer().clip_gradients(static_cast<std::int64_t>(slots_.size()),
                                         device_.squares.as<double>(), max_norm,
                                         device_.coefficient.as<float>());
  });
  launch("adam_step", [&] {
    backend().optimizer().adam_step(moved, device_.factors.as<AdamFactors>(),
                                    device_.coefficient.as<float>());
  });
  return moved;
}

std::vector<double> Adam::finish_step(const Moved& moved) {
  std::vector<double> norms = read_norms(moved);
  for (const OptimizerTensor& t : moved) {
    Slot& slot = slots_[static_cast<std::size_t>(t.slot)];
    if (!LaunchControl::dry_run()) ++slot.step;  // nothing has moved in a dry run
    slot.parameter.tensor.storage().bump_version();
  }
  return norms;
}

std::vector<double> Adam::step(const std::vector<double>& lr_factors, double max_norm) {
  prepare_step(lr_factors);
  return finish_step(enqueue_step(max_norm));
}

std::int64_t Adam::parameter_count() const {
  std::int64_t count = 0;
  for (const ParamGroup& group : groups_) count += group.count();
  return count;
}

void Adam::save(StateDict& state) const {
  for (const Slot& slot : slots_) {
    const std::string key = kPrefix + slot.parameter.name;
    const Shape& shape = slot.parameter.tensor.shape();
    state[key + ".first"] = HostTensor::from_floats(shape, slot.first.to_host());
    state[key + ".second"] = HostTensor::from_floats(shape, slot.second.to_host());
    state[key + ".step"] = HostTensor::from_int64({}, {slot.step});
  }
}

void Adam::load(const StateDict& state) {
  constexpr const char* kWhat = "checkpoint";
  std::set<std::string> known;
  for (const Slot& slot : slots_) {
    for (const char* part : {".first", ".second", ".step"}) {
      known.insert(kPrefix + slot.parameter.name + part);
    }
  }
  for (auto it = state.lower_bound(kPrefix); it != state.end(); ++it) {
    if (!it->first.starts_with(kPrefix)) break;
    if (!known.contains(it->first)) {
      throw Error("checkpoint holds " + printable(it->first) +
                  ", of a tensor that the optimizer does not have");
    }
  }
  // Everything is read before anything is overwritten.
  struct Read {
    std::vector<float> first, second;
    std::int64_t step;
  };
  std::vector<Read> all;
  for (const Slot& slot : slots_) {
    const std::string key = kPrefix + slot.parameter.name;
    const Shape& shape = slot.parameter.tensor.shape();
    all.push_back({find_tensor(state, key + ".first", kWhat, shape).to_floats(key),
                   find_tensor(state, key + ".second", kWhat, shape).to_floats(key),
                   find_tensor(state, key + ".step", kWhat, {}).to_int64(key).front()});
    constexpr std::int64_t kMostSteps = std::int64_t{1} << 53;
    if (all.back().step < 0 || all.back().step > kMostSteps) {
      throw Error("checkpoint tensor " + printable(key + ".step") +
                  " is damaged: " + std::to_string(all.back().step) + " steps");
    }
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].first.copy_from_host(all[i].first);
    slots_[i].second.copy_from_host(all[i].second);
    slots_[i].step = all[i].step;
  }
}

double joint_norm(const std::vector<double>& norms) {
  double squares = 0;
  for (const double n : norms) squares += n * n;
  return std::sqrt(squares);
}

}  // namespace frost
