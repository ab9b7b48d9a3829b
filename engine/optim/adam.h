#pragma once

#include <string>
#include <vector>

#include "engine/io/safetensors.h"
#include "engine/module.h"

namespace frost {

/// Tensors that share a learning rate.
struct ParamGroup {
  std::string name;
  double lr = 0;  ///< base rate, before the schedule's factor
  std::vector<NamedTensor> parameters;

  std::int64_t count() const { return count_parameters(parameters, false); }
};

struct AdamConfig {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

/// Adam (Kingma & Ba 2015) over parameter groups, without weight decay.
///
/// Every tensor has its own step counter, so that one unfrozen late starts with a correct bias
/// correction; the counters are host integers. State lives under the tensor's name. A tensor
/// without a gradient since `zero_grad` is left alone, its counter too.
class Adam {
 public:
  /// As `set_groups`.
  explicit Adam(std::vector<ParamGroup> groups, AdamConfig config = {});

  /// Replaces the groups: tensors that stay keep their moments and step counts, new ones start at
  /// zero, what is dropped is freed. Empty groups are left out. Allocates moments and gradient
  /// buffers of every tensor.
  /// Throws Error if no tensor is left, or one occurs twice or does not train.
  void set_groups(std::vector<ParamGroup> groups);

  void zero_grad();
  /// L2 norm of the gradients of each group, before any clipping.
  /// Throws Error naming the first tensor whose gradient is not finite.
  std::vector<double> grad_norms() const;
  /// Scales all gradients so that their joint norm is at most `max_norm`; returns it from `norms`.
  double clip_grad_norm(const std::vector<double>& norms, double max_norm);
  /// One step with every group's base rate times its factor, in the order of `groups`.
  void step(const std::vector<double>& lr_factors);
  /// One factor for all groups.
  void step(double lr_factor) { step(std::vector<double>(groups_.size(), lr_factor)); }

  const std::vector<ParamGroup>& groups() const { return groups_; }
  std::int64_t parameter_count() const;

  /// `adam.<name>.{first,second,step}` for every tensor.
  void save(StateDict& state) const;
  /// Throws Error naming what is missing or misshapen.
  void load(const StateDict& state);

 private:
  struct Slot {
    Tensor first, second;
    std::int64_t step = 0;
  };

  static Slot fresh_slot(const Tensor& parameter);

  std::vector<ParamGroup> groups_;
  std::vector<std::vector<Slot>> slots_;
  AdamConfig config_;
};

}  // namespace frost
