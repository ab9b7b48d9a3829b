#pragma once

#include <functional>

#include "engine/optim/adam.h"
#include "rl/communicator/shards.h"

namespace frost {

/// Gives the optimizer's tensors the sum over all shards of the gradients that `backward_of` leaves
/// for the `shard`-th own one; a tensor that got none in any shard has none. Of one shard that is
/// its gradient.
void sum_gradients(Adam& optimizer, const Shards& shards,
                   const std::function<void(int shard)>& backward_of);

}  // namespace frost
