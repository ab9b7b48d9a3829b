#pragma once

#include "weights/safetensors.h"

namespace frost::fuzz {

/// The state of freshly made objects of the kind that `read_checkpoint` loads into.
SafetensorsFile example_checkpoint();
/// The same within an update: a full rollout of two steps and one minibatch learned from.
SafetensorsFile example_unfinished_checkpoint();

}  // namespace frost::fuzz
