#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>
#include <vector>

#include "rl/policy.h"
#include "rl/vector_environment.h"

namespace frost {

/// One collected step, and what the update learns from it.
struct Transition {
  Observation observation;        ///< empty where its features are kept instead
  std::int64_t feature_row = -1;  ///< of `Rollout::features`; -1: the observation is kept
  /// Frames of the state that are the newest ones of the states before it, in the rows before its
  /// own; older ones repeat the last of these.
  std::int64_t earlier_frames = 0;
  PolicyStep policy;
  VectorStep outcome;
  std::vector<double> returns;  ///< of each component, in reward units
  double advantage = 0;         ///< combined, and standardised where that is over the batch
};

/// Calls `visit(name, array)` with every array of an observation, in a fixed order.
template <class O, class Visit>
requires std::is_same_v<std::remove_const_t<O>, Observation>
void for_each_array(O& observation, Visit&& visit) {
  std::visit(
      [&](auto& o) {
        using Kind = std::remove_cvref_t<decltype(o)>;
        if constexpr (std::is_same_v<Kind, GraphObservation>) {
          visit("node_features", o.node_features);
          visit("graph_features", o.graph_features);
          visit("edge_features", o.edge_features);
          visit("edge_source", o.edge_source);
          visit("edge_target", o.edge_target);
          visit("action_mask", o.action_mask);
        } else if constexpr (std::is_same_v<Kind, PictureObservation>) {
          visit("pixels", o.pixels);
          visit("values", o.values);
        } else {
          visit("values", o.values);
        }
      },
      observation);
}

/// The same of a transition, without its observations.
template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Transition>
void for_each_array(T& transition, Visit&& visit) {
  visit("decisions", transition.policy.action.decisions);
  visit("parameters", transition.policy.action.parameters);
  visit("logp", transition.policy.logp);
  visit("raw", transition.policy.raw);
  visit("raw_logp", transition.policy.raw_logp);
  visit("values", transition.policy.values);
  visit("reward", transition.outcome.result.reward);
  visit("returns", transition.returns);
}

}  // namespace frost
