#include "engine/optim/adam.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "engine/io/printable.h"
#include "engine/launch.h"
#include "engine/observe/op_observer.h"
#include "kernels/errors.h"

namespace frost {
namespace {

constexpr const char* kPrefix = "adam.";

/// A moment of a checkpoint. Throws Error where it is missing or misshapen, or holds what no step
/// leaves: a number that is not finite or below `least`.
std::vector<float> read_moment(const StateDict& state, const std::string& key, const Shape& shape,
                               const std::string& group, float least) {
  std::vector<float> values = find_tensor(state, key, "checkpoint", shape).to_floats(key);
  const auto bad = std::find_if(values.begin(), values.end(),
                                [&](float v) { return !std::isfinite(v) || v < least; });
  if (bad == values.end()) return values;
  fail_damaged(key, fmt::format("element {} is {}, in group {}", bad - values.begin(), *bad,
                                printable(group)));
}

/// The step count of a tensor in a checkpoint. Throws Error as `read_moment`.
std::int64_t read_step(const StateDict& state, const std::string& key, const std::string& group) {
  constexpr std::int64_t kMostSteps = std::int64_t{1} << 53;
  const std::int64_t step = find_tensor(state, key, "checkpoint", {}).to_int64(key).front();
  if (step >= 0 && step <= kMostSteps) return step;
  fail_damaged(key, fmt::format("{} steps, in group {}", step, printable(group)));
}

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
  device_ = {buffer(slots_.size() * sizeof(AdamFactors)),
             buffer((slots_.size() + 1) * sizeof(double)), slots_.size()};
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

Adam::GradientReport Adam::read_report(const Moved& tensors) const {
  std::vector<double> squares(slots_.size() + 1);
  launch("copy_to_host", [&] {
    backend().copy_to_host(squares.data(), device_.squares.data(), device_.squares.bytes());
  });
  GradientReport report{std::vector<double>(groups_.size()), true};
  for (const OptimizerTensor& t : tensors) {
    const Slot& slot = slots_[static_cast<std::size_t>(t.slot)];
    const double square = squares[static_cast<std::size_t>(t.slot)];
    if (!std::isfinite(square)) {
      throw NotFiniteError("[adam] the gradient of '" + slot.parameter.name + "' in group '" +
                           groups_[slot.group].name + "' is not finite");
    }
    report.norms[slot.group] += square;
  }
  for (double& n : report.norms) n = std::sqrt(n);
  float coefficient = 0;
  std::memcpy(&coefficient, &squares.back(), sizeof coefficient);
  report.stepped = !std::isnan(coefficient);
  return report;
}

std::vector<double> Adam::grad_norms() const {
  const Moved tensors = with_gradient();
  enqueue_norms(tensors);
  return read_report(tensors).norms;
}

std::vector<float> Adam::gradients() const {
  std::vector<float> all, there;
  for (const Slot& slot : slots_) {
    const Tensor grad = slot.parameter.tensor.grad();
    there.push_back(grad.defined() ? 1.0f : 0.0f);
    const auto begin = all.size();
    all.resize(begin + static_cast<std::size_t>(slot.parameter.tensor.numel()));
    if (!grad.defined()) continue;
    const std::vector<float> values = grad.to_host();
    std::copy(values.begin(), values.end(), all.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  all.insert(all.end(), there.begin(), there.end());
  return all;
}

void Adam::set_gradients(std::span<const float> sum) {
  const std::size_t needed = static_cast<std::size_t>(parameter_count()) + slots_.size();
  if (sum.size() != needed) {
    fail("adam", fmt::format("{} numbers of gradients where {} are needed", sum.size(), needed));
  }
  const std::span<const float> there = sum.last(slots_.size());
  zero_grad();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Tensor& tensor = slots_[i].parameter.tensor;
    const auto n = static_cast<std::size_t>(tensor.numel());
    if (there[i] != 0) tensor.set_grad(sum.first(n));
    sum = sum.subspan(n);
  }
}

void Adam::prepare_step(const std::vector<double>& lr_factors) {
  if (lr_factors.size() != groups_.size()) {
    fail("adam", std::to_string(lr_factors.size()) + " learning-rate factors for " +
                     std::to_string(groups_.size()) + " groups; give one for each");
  }
  std::vector<AdamFactors> factors;
  for (const Slot& slot : slots_) {
    const ParamGroup& group = groups_[slot.group];
    const double rate = group.lr * lr_factors[slot.group];
    if (!std::isfinite(rate)) {
      throw NotFiniteError("[adam] the learning rate of group '" + group.name + "' is not finite");
    }
    factors.push_back(adam_factors(rate, config_.beta1, config_.beta2, config_.epsilon,
                                   weight_decay(group), static_cast<double>(slot.step + 1)));
  }
  launch("copy_from_host", [&] {
    backend().copy_from_host(device_.factors.data(), factors.data(), device_.factors.bytes());
  });
}

Adam::Moved Adam::enqueue_step(double max_norm) {
  if (!(max_norm > 0)) fail("adam", "the norm to clip to is not positive");
  Moved moved = with_gradient();
  enqueue_norms(moved);
  launch("clip_gradients", [&] {
    backend().optimizer().clip_gradients(static_cast<std::int64_t>(slots_.size()),
                                         device_.squares.as<double>(), max_norm,
                                         device_.coefficient());
  });
  launch("adam_step", [&] {
    backend().optimizer().adam_step(moved, device_.factors.as<AdamFactors>(),
                                    device_.coefficient());
  });
  return moved;
}

std::vector<double> Adam::finish_step(const Moved& moved) {
  GradientReport report = read_report(moved);
  if (!report.stepped) {
    throw NotFiniteError(fmt::format(
        "[adam] the gradients have a norm of {:g}, so large that their squares overflow: clip them",
        joint_norm(report.norms)));
  }
  for (const OptimizerTensor& t : moved) {
    Slot& slot = slots_[static_cast<std::size_t>(t.slot)];
    if (!LaunchControl::dry_run()) ++slot.step;  // nothing has moved in a dry run
    slot.parameter.tensor.storage().bump_version();
  }
  if (OpObserver::any()) tell_parameters(moved);
  return std::move(report.norms);
}

void Adam::tell_parameters(const Moved& moved) const {
  for (const OptimizerTensor& t : moved) {
    const NamedTensor& p = slots_[static_cast<std::size_t>(t.slot)].parameter;
    OpObserver::tell({"adam", OpOutput::Phase::kStep, p.tensor, 0, p.name});
  }
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
    const std::string& group = groups_[slot.group].name;
    all.push_back({read_moment(state, key + ".first", shape, group, -HUGE_VALF),
                   read_moment(state, key + ".second", shape, group, 0.0f),
                   read_step(state, key + ".step", group)});
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
