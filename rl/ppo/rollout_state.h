#pragma once

#include <cstdint>
#include <string>

#include "engine/state_dict.h"
#include "rl/environment_spec.h"
#include "rl/ppo/rollout.h"

namespace frost {

/// What the transitions of a saved rollout must look like.
struct RolloutForm {
  const EnvironmentSpec& spec;
  std::size_t components;      ///< rewards, values and, once learning has begun, returns
  std::int64_t feature_width;  ///< of what is kept in place of observations; 0: they are kept
  std::uint64_t prefix_id;     ///< of the network that yields such features now
  bool with_returns;           ///< learning has begun
  std::int64_t environments;   ///< of all processes
  std::int64_t first;          ///< of the rollout's own
};

/// `ppo.rollout.*`: every array end to end, with its lengths beside it.
void save_rollout(const Rollout& rollout, StateDict& state);

/// Fills an empty rollout with what its own environments did. Rewards and observations may be
/// anything; every other number is finite and every index in range, else Error naming the tensor.
void load_rollout(const StateDict& state, const RolloutForm& form, Backend& backend,
                  Rollout& rollout);

}  // namespace frost
