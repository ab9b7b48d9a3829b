#pragma once

#include <functional>
#include <optional>

#include "engine/layers/layers.h"
#include "models/policies/actor_critic_config.h"
#include "models/policies/policy_network.h"

namespace frost {

/// The last layers of an actor that sees pictures: `discrete` where the action has choices, `mu`
/// and `logstd` where it has continuous heads, each Linear(features -> rows * width).
///
/// Without `config.state_dependent_std` the weight of `logstd` is 0 and does not train: its bias is
/// one deviation per dimension for all states.
class ActionHeads : public Module {
 public:
  ActionHeads(Backend& backend, std::int64_t features, const ActorCriticConfig& config);
  /// Of [states, features], without values.
  PolicyOutput operator()(const Tensor& features) const;
  /// Each as `start` makes it; a deviation that no state changes starts at 1.
  void initialize(const std::function<void(Linear&)>& start);

 private:
  /// [states, rows * width] as [states * rows, width].
  Tensor by_row(const Tensor& t, std::int64_t width) const;

  std::int64_t rows_;
  int choices_, dims_, continuous_heads_;
  bool state_dependent_std_;
  std::optional<Linear> discrete_, mu_, logstd_;
};

/// Mean and log deviation, [n, width] each, of the first `dims` dimensions: [n, 2 * dims].
Tensor executed_gaussian(const Tensor& mean, const Tensor& log_deviation, int dims);

}  // namespace frost
