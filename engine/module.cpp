#include "engine/module.h"

#include <set>

#include "engine/io/printable.h"
#include "kernels/errors.h"

namespace frost {
namespace {

/// Collects complaints of one kind; the text names the first few.
class Complaint {
 public:
  explicit Complaint(const char* kind) : kind_(kind) {}

  void add(const std::string& what) {
    constexpr std::size_t kMostNamed = 4;
    if (++count_ <= kMostNamed) names_ += (count_ == 1 ? "" : ", ") + what;
    if (count_ == kMostNamed + 1) names_ += ", ...";
  }
  /// "; 2 missing: a, b", or nothing.
  std::string text() const {
    return count_ == 0 ? "" : "; " + std::to_string(count_) + " " + kind_ + ": " + names_;
  }

 private:
  const char* kind_;
  std::size_t count_ = 0;
  std::string names_;
};

/// Throws unless the tensors of `state` under `prefix` are those of `own`.
void require_fit(const std::vector<NamedTensor>& own, const StateDict& state, bool strict,
                 const std::string& prefix) {
  Complaint missing("missing"), misshapen("misshapen"), superfluous("superfluous");
  std::set<std::string> known;
  for (const NamedTensor& t : own) {
    known.insert(t.name);
    const auto stored = state.find(t.name);
    if (stored == state.end()) {
      if (strict) missing.add(printable(t.name));
    } else if (stored->second.shape != t.tensor.shape()) {
      misshapen.add(printable(t.name) + " is " + to_string(stored->second.shape) + ", expected " +
                    to_string(t.tensor.shape()));
    }
  }
  for (auto it = state.lower_bound(prefix); strict && it != state.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (!known.contains(it->first)) superfluous.add(printable(it->first));
  }
  const std::string problems = missing.text() + superfluous.text() + misshapen.text();
  if (!problems.empty()) {
    fail("load_state_dict", "the tensors are not this network's" + problems);
  }
}

}  // namespace

std::vector<NamedTensor> Module::parameters(const std::string& prefix) const {
  std::vector<NamedTensor> out;
  collect(false, prefix, out);
  return out;
}

std::vector<NamedTensor> Module::buffers(const std::string& prefix) const {
  std::vector<NamedTensor> out;
  collect(true, prefix, out);
  return out;
}

std::vector<NamedTensor> Module::trainable_parameters(const std::string& prefix) const {
  std::vector<NamedTensor> trainable = parameters(prefix);
  std::erase_if(trainable, [](const NamedTensor& p) { return !p.tensor.requires_grad(); });
  return trainable;
}

StateDict Module::state_dict(const std::string& prefix) const {
  StateDict state;
  for (const NamedTensor& t : parameters_and_buffers(prefix)) {
    state[t.name] = HostTensor::from_floats(t.tensor.shape(), t.tensor.to_host());
  }
  return state;
}

void Module::load_state_dict(const StateDict& state, bool strict, const std::string& prefix) {
  std::vector<NamedTensor> own = parameters_and_buffers(prefix);
  require_fit(own, state, strict, prefix);
  std::vector<std::vector<float>> values;
  for (const NamedTensor& t : own) {
    const auto stored = state.find(t.name);
    values.push_back(stored == state.end() ? std::vector<float>()
                                           : stored->second.to_floats(t.name));
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (state.contains(own[i].name)) own[i].tensor.copy_from_host(values[i]);
  }
}

std::vector<NamedTensor> Module::parameters_and_buffers(const std::string& prefix) const {
  std::vector<NamedTensor> all = parameters(prefix);
  const std::vector<NamedTensor> rest = buffers(prefix);
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

void Module::register_parameter(const std::string& name, const Tensor& tensor) {
  entries_.push_back({name, tensor, nullptr, false});
}

void Module::register_buffer(const std::string& name, const Tensor& tensor) {
  entries_.push_back({name, tensor, nullptr, true});
}

void Module::register_module(const std::string& name, const Module& child) {
  entries_.push_back({name, {}, &child, false});
}

void Module::collect(bool buffers, const std::string& prefix, std::vector<NamedTensor>& out) const {
  for (const Entry& entry : entries_) {
    if (entry.child != nullptr) {
      entry.child->collect(buffers, prefix + entry.name + ".", out);
    } else if (entry.buffer == buffers) {
      out.push_back({prefix + entry.name, entry.tensor});
    }
  }
}

std::int64_t count_parameters(const std::vector<NamedTensor>& tensors, bool only_trainable) {
  std::int64_t count = 0;
  for (const NamedTensor& t : tensors) {
    if (!only_trainable || t.tensor.requires_grad()) count += t.tensor.numel();
  }
  return count;
}

}  // namespace frost
