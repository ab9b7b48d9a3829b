#pragma once

#include <string>
#include <vector>

#include "engine/random.h"
#include "engine/state_dict.h"
#include "engine/tensor.h"

namespace frost {

/// A tensor under its full name, such as `actor.body.layer4.1.conv2.weight`.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A tree of named parameters (may train) and buffers (never train), used by one thread at a time.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// All parameters of the tree, in order of registration.
  std::vector<NamedTensor> parameters(const std::string& prefix = "") const;
  std::vector<NamedTensor> buffers(const std::string& prefix = "") const;
  /// The parameters that require a gradient: what an optimizer is given.
  std::vector<NamedTensor> trainable_parameters(const std::string& prefix = "") const;

  /// Copies of all parameters and buffers under their full names, in the engine's layouts (images
  /// NHWC, convolution weights OHWI).
  StateDict state_dict(const std::string& prefix = "") const;
  /// Overwrites the parameters and buffers with the tensors of their full names; names that do not
  /// begin with `prefix` are nobody's concern. Throws Error naming what is missing, superfluous or
  /// misshapen, and no tensor has changed then. Not strict, what is missing stays as it is and what
  /// is superfluous is ignored.
  void load_state_dict(const StateDict& state, bool strict = true, const std::string& prefix = "");

 protected:
  void register_parameter(const std::string& name, const Tensor& tensor);
  void register_buffer(const std::string& name, const Tensor& tensor);
  /// The child must live as long as this module; it is normally a member.
  void register_module(const std::string& name, const Module& child);

 private:
  struct Entry {
    std::string name;
    Tensor tensor;
    const Module* child;
    bool buffer;
  };

  std::vector<NamedTensor> parameters_and_buffers(const std::string& prefix) const;
  void collect(bool buffers, const std::string& prefix, std::vector<NamedTensor>& out) const;

  std::vector<Entry> entries_;
};

/// Sum of elements over tensors; with `only_trainable`, of those that require a gradient.
std::int64_t count_parameters(const std::vector<NamedTensor>& tensors, bool only_trainable);

}  // namespace frost
