#include "engine/module.h"

namespace frost {

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
