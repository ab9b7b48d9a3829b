#include "engine/optim/adam.h"

#include <cmath>
#include <map>
#include <set>

#include "engine/launch.h"
#include "kernels/status.h"

namespace frost {

Adam::Adam(std::vector<ParamGroup> groups, AdamConfig config) : config_(config) {
  set_groups(std::move(groups));
}

void Adam::set_groups(std::vector<ParamGroup> groups) {
  std::map<std::string, Slot> kept;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < slots_[g].size(); ++i) {
      kept.emplace(groups_[g].parameters[i].name, std::move(slots_[g][i]));
    }
  }
  groups_.clear();
  slots_.clear();
  std::set<std::string> names;
  for (ParamGroup& group : groups) {
    if (group.parameters.empty()) continue;
    std::vector<Slot> slots;
    for (NamedTensor& p : group.parameters) {
      if (!names.insert(p.name).second) fail("adam", "tensor '" + p.name + "' is in two groups");
      if (!p.tensor.requires_grad()) fail("adam", "tensor '" + p.name + "' does not train");
      p.tensor.allocate_grad();
      const auto old = kept.find(p.name);
      slots.push_back(old != kept.end() ? std::move(old->second) : fresh_slot(p.tensor));
    }
    groups_.push_back(std::move(group));
    slots_.push_back(std::move(slots));
  }
  if (groups_.empty()) throw Error("No trainable parameters found: every tensor is frozen");
}

Adam::Slot Adam::fresh_slot(const Tensor& parameter) {
  Backend& backend = parameter.backend();
  return {Tensor::zeros(backend, parameter.shape(), MemoryTag::kOptimizer),
          Tensor::zeros(backend, parameter.shape(), MemoryTag::kOptimizer)};
}

void Adam::zero_grad() {
  for (ParamGroup& group : groups_) {
    for (NamedTensor& p : group.parameters) p.tensor.zero_grad();
  }
}

std::vector<double> Adam::grad_norms() const {
  std::vector<double> norms;
  for (const ParamGroup& group : groups_) {
    double total = 0;
    for (const NamedTensor& p : group.parameters) {
      const Tensor grad = p.tensor.grad();
      if (!grad.defined()) continue;
      double sum = 0;
      launch("sum_squares", [&] { sum = grad.backend().sum_squares(grad.numel(), grad.data()); });
      if (!std::isfinite(sum)) fail("adam", "the gradient of '" + p.name + "' is not finite");
      total += sum;
    }
    norms.push_back(std::sqrt(total));
  }
  return norms;
}

double Adam::clip_grad_norm(const std::vector<double>& norms, double max_norm) {
  double squares = 0;
  for (const double n : norms) squares += n * n;
  const double norm = std::sqrt(squares);
  if (norm <= max_norm) return norm;
  const auto factor = static_cast<float>(max_norm / (norm + 1e-6));
  for (const ParamGroup& group : groups_) {
    for (const NamedTensor& p : group.parameters) {
      const Tensor grad = p.tensor.grad();
      if (!grad.defined()) continue;
      launch("scale_gradient", [&] { grad.backend().scale(grad.numel(), factor, grad.data()); });
    }
  }
  return norm;
}

void Adam::step(const std::vector<double>& lr_factors) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const Tensor& p = groups_[g].parameters[i].tensor;
      const Tensor grad = p.grad();
      if (!grad.defined()) continue;
      Slot& slot = slots_[g][i];
      const AdamStep step{groups_[g].lr * lr_factors[g], config_.beta1, config_.beta2,
                          config_.epsilon, ++slot.step};
      launch("adam_step", [&] {
        p.backend().adam_step(p.numel(), step, grad.data(), slot.first.data(), slot.second.data(),
                              p.data());
      });
      p.storage().bump_version();
    }
  }
}

std::int64_t Adam::parameter_count() const {
  std::int64_t count = 0;
  for (const ParamGroup& group : groups_) count += group.count();
  return count;
}

void Adam::save(StateDict& state) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const NamedTensor& p = groups_[g].parameters[i];
      const Slot& slot = slots_[g][i];
      const std::string key = "adam." + p.name;
      state[key + ".first"] = HostTensor::from_floats(p.tensor.shape(), slot.first.to_host());
      state[key + ".second"] = HostTensor::from_floats(p.tensor.shape(), slot.second.to_host());
      state[key + ".step"] = HostTensor::from_int64({}, {slot.step});
    }
  }
}

void Adam::load(const StateDict& state) {
  constexpr const char* kWhat = "checkpoint";
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const NamedTensor& p = groups_[g].parameters[i];
      Slot& slot = slots_[g][i];
      const std::string key = "adam." + p.name;
      slot.first.copy_from_host(
          find_tensor(state, key + ".first", kWhat, p.tensor.shape()).to_floats(key));
      slot.second.copy_from_host(
          find_tensor(state, key + ".second", kWhat, p.tensor.shape()).to_floats(key));
      slot.step = find_tensor(state, key + ".step", kWhat, {}).to_int64(key).front();
    }
  }
}

}  // namespace frost
