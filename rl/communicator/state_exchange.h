#pragma once

#include "engine/state_dict.h"
#include "rl/communicator/communicator.h"

namespace frost {

/// The tensors of all ranks, on rank 0: of one name, their rows one after another in the order of
/// the ranks. The others get their own back. Throws Error where types or widths of rows differ.
StateDict gather_state(Communicator& communicator, StateDict own);

/// Gives every rank the tensors of rank 0.
void broadcast_state(Communicator& communicator, StateDict& state);

}  // namespace frost
