#pragma once

#include "tools/reports/tensorboard.h"
#include "tools/runs/trainer.h"

namespace frost {

// What TensorBoard shows of a run beside its scalars.

/// The configuration as text and as hyper-parameters; once, where a run begins.
void write_beginning(TensorboardWriter& board, const Trainer& trainer);

/// Histograms of the parameters that train (`weights/NAME`), of their gradients in the last
/// minibatch (`gradients/NAME`) and of the log-probabilities of the actions that the last update
/// learned from (`policy/log_probability`); what the first environment looks like
/// (`pictures/environment`), and what the network is shown of it (`pictures/network_input`).
void write_state(TensorboardWriter& board, Trainer& trainer);

/// That the run is finished, which the table of hyper-parameters shows.
void write_end(TensorboardWriter& board, Trainer& trainer);

}  // namespace frost
