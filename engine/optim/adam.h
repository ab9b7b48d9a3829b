#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/module.h"
#include "engine/state_dict.h"
#include "kernels/tracked_buffer.h"

namespace frost {

/// Tensors that share a learning rate.
struct ParamGroup {
  std::string name;
  double lr = 0;  ///< base rate, before the schedule's factor
  std::vector<NamedTensor> parameters;
  std::optional<double> weight_decay = std::nullopt;  ///< in place of AdamConfig's

  std::int64_t count() const { return count_parameters(parameters, false); }
};

struct AdamConfig {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  /// Decoupled from the gradient (AdamW, Loshchilov & Hutter 2019): each step also takes the
  /// learning rate times this from a parameter's value.
  double weight_decay = 0;
};

/// Adam (Kingma & Ba 2015) over parameter groups; one thread at a time.
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
  /// Throws Error if no tensor is left, one occurs twice or does not train, or a weight decay is
  /// negative; nothing has changed then.
  void set_groups(std::vector<ParamGroup> groups);

  void zero_grad();
  /// L2 norm of the gradients of each group.
  /// Throws NotFiniteError naming the first tensor whose gradient is not finite.
  std::vector<double> grad_norms() const;
  /// The gradients of all tensors end to end, zeros where there is none, then for each tensor 1
  /// where there is one and 0 elsewhere: what sums of several passes are made of.
  std::vector<float> gradients() const;
  /// Sets the gradients from a sum of what `gradients` gave; tensors whose last number is 0 have
  /// none. Throws Error unless there are as many numbers.
  void set_gradients(std::span<const float> sum);
  /// One step with every group's base rate times its factor, in the order of `groups`, on gradients
  /// scaled down to a joint norm of at most `max_norm`; returns `grad_norms`, before scaling.
  /// Throws as `grad_norms`; NotFiniteError where a rate is not finite or the norm, scaled, above
  /// `kMostGradientNorm`; Error where there are not as many factors as groups or `max_norm` is not
  /// positive. Nothing has changed then: no parameter, moment, step count or version. An
  /// `OpObserver` that throws at the step leaves it done.
  std::vector<double> step(const std::vector<double>& lr_factors, double max_norm = HUGE_VAL);
  /// One factor for all groups.
  std::vector<double> step(double lr_factor, double max_norm = HUGE_VAL) {
    return step(std::vector<double>(groups_.size(), lr_factor), max_norm);
  }

  /// The tensors that a step moves: those with a gradient.
  using Moved = std::vector<OptimizerTensor>;

  /// `step` in three parts. The first tells the device the rates and step counts, the second is
  /// work of the device alone, so it can be recorded, and the last waits for it.
  void prepare_step(const std::vector<double>& lr_factors);
  Moved enqueue_step(double max_norm);
  std::vector<double> finish_step(const Moved& moved);

  const std::vector<ParamGroup>& groups() const { return groups_; }
  /// Changes with every `set_groups`.
  std::uint64_t groups_version() const { return groups_version_; }
  std::int64_t parameter_count() const;

  /// `adam.<name>.{first,second,step}` for every tensor.
  void save(StateDict& state) const;
  /// Throws Error naming what is missing, misshapen or damaged, or belongs to a tensor that is not
  /// here; nothing has changed then.
  void load(const StateDict& state);

 private:
  /// A parameter with its state, in the order of the groups.
  struct Slot {
    NamedTensor parameter;
    std::size_t group = 0;
    Tensor first, second;
    std::int64_t step = 0;
  };
  /// What the device reads and writes in a step, one entry per slot.
  struct DeviceState {
    TrackedBuffer factors;
    TrackedBuffer squares;  ///< and one more: the clipping coefficient, so that one copy reads both
    std::size_t slots = 0;

    float* coefficient() const { return reinterpret_cast<float*>(squares.as<double>() + slots); }
  };
  /// What the device found out about the gradients of a step.
  struct GradientReport {
    std::vector<double> norms;  ///< of the groups
    bool stepped = false;       ///< whether Adam's kernel took them
  };

  double weight_decay(const ParamGroup& group) const {
    return group.weight_decay.value_or(config_.weight_decay);
  }
  /// Throws as `set_groups` says.
  void require_groups(const std::vector<ParamGroup>& groups) const;
  static Slot fresh_slot(const Tensor& parameter);
  Backend& backend() const { return slots_.front().parameter.tensor.backend(); }
  Moved with_gradient() const;
  void enqueue_norms(const Moved& tensors) const;
  /// Throws as `grad_norms`.
  GradientReport read_report(const Moved& tensors) const;
  /// Tells observers of ops.
  void tell_parameters(const Moved& moved) const;

  std::vector<ParamGroup> groups_;
  std::vector<Slot> slots_;
  std::uint64_t groups_version_ = 0;
  DeviceState device_;
  AdamConfig config_;
};

/// The norm of all gradients from the norms of groups.
double joint_norm(const std::vector<double>& norms);

}  // namespace frost
