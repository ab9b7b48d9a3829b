#pragma once

#include <functional>

#include "rl/communicator/communicator.h"
#include "tools/runs/trainer.h"

namespace frost {

/// Runs the body of a program in each of the processes; returns its exit status. What it throws in
/// one of several is reported with rank and host, in one line, and ends all; of one process it is
/// thrown on.
int run_together(Communicator& communicator, const std::function<int()>& body);

/// Throws Error, on rank 0, naming the first rank that runs another program, has another
/// configuration, other weights, another kind of device or another number of threads.
void require_alike(Communicator& communicator, const Trainer& trainer);

/// The lowest number of a signal that any of the processes has received, `own` being this one's; 0
/// where none has.
int any_signal(Communicator& communicator, int own);

}  // namespace frost
