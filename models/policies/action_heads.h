#pragma once

#include <optional>

#include "engine/layers/layers.h"
#include "models/policies/actor_critic_config.h"
#include "models/policies/policy_network.h"

namespace frost {

/// The last layers of an actor that sees pictures: `discrete` where the action has choices, `mu`
/// and `logstd` where it has continuous heads, each Linear(features -> rows * width).
class ActionHeads : public Module {
 public:
  ActionHeads(Backend& backend, std::int64_t features, const ActorCriticConfig& config);
  /// Of [states, features], without values.
  PolicyOutput operator()(const Tensor& features) const;
  /// Those that there are.
  std::vector<Linear*> layers();

 private:
  /// [states, rows * width] as [states * rows, width].
  Tensor by_row(const Tensor& t, std::int64_t width) const;

  std::int64_t rows_;
  int choices_, dims_, continuous_heads_;
  std::optional<Linear> discrete_, mu_, logstd_;
};

/// Mean and log deviation, [n, width] each, of the first `dims` dimensions: [n, 2 * dims].
Tensor executed_gaussian(const Tensor& mean, const Tensor& log_deviation, int dims);

}  // namespace frost
